import type { Core } from '@strapi/strapi';

/**
 * Returns a view of Strapi in which every query for one row returns this row. The plugin's actions search for an
 * account by its exact spelling. With this view, they use the account that the server has found by its key.
 */
export function finding(strapi: Core.Strapi, row: object | null): Core.Strapi {
  const db = { query: () => ({ findOne: () => Promise.resolve(row) }) };
  // Services that are created on their first use get the real instance.
  const get = strapi.get.bind(strapi);
  return Object.create(strapi, { db: { value: db }, get: { value: get } }) as Core.Strapi;
}
