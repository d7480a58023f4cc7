import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

import type { Core, Struct } from '@strapi/strapi';
import { importDefault } from '@strapi/utils';

import { GuestProblem } from './guest-problem';

const folder = path.join(__dirname, '..', 'api');

interface Schema {
  readonly collectionName: string;
  readonly info: { readonly singularName: string; readonly pluralName: string };
  readonly attributes: Record<string, unknown>;
  readonly pluginOptions?: object;
}

interface Route {
  readonly path: string;
}

interface Router {
  readonly routes: readonly Route[];
}

interface Api {
  readonly routes: Readonly<Record<string, Router>>;
  readonly controllers: Readonly<Record<string, unknown>>;
  readonly services: Readonly<Record<string, unknown>>;
  readonly contentTypes: Readonly<Record<string, { readonly schema: Schema }>>;
}

interface Registry<Part> {
  add(name: string, part: Part): unknown;
}

/** An API as it is registered. */
export interface OwnApi {
  /** The name of its folder. */
  readonly name: string;
  readonly registeredName: string;
}

/**
 * Adds the APIs to the host with the uids and paths that the application has.
 * @param prefix goes before the names and paths of APIs without content types.
 * @throws GuestProblem if the host has the name of an API or of a content type.
 */
export function addApis(strapi: Core.Strapi, prefix: string | undefined): readonly OwnApi[] {
  const apis = strapi.get('apis') as Registry<Api>;
  return readdirSync(folder)
    .sort()
    .map((name) => {
      const api = loadApi(path.join(folder, name));
      const isPrefixed = prefix !== undefined && Object.keys(api.contentTypes).length === 0;
      const registeredName = isPrefixed ? `${prefix}-${name}` : name;
      assertFree(strapi, registeredName, api);
      apis.add(registeredName, isPrefixed ? { ...api, routes: withPrefix(api.routes, prefix) } : api);
      return { name, registeredName };
    });
}

/** Loads a folder like Strapi loads one of `src/api`. */
function loadApi(apiFolder: string): Api {
  return {
    routes: loadFiles(path.join(apiFolder, 'routes')) as Api['routes'],
    controllers: loadFiles(path.join(apiFolder, 'controllers')),
    services: loadFiles(path.join(apiFolder, 'services')),
    contentTypes: loadContentTypes(apiFolder),
  };
}

function loadFiles(from: string): Record<string, unknown> {
  const files = existsSync(from) ? readdirSync(from).filter((file) => file.endsWith('.js')) : [];
  return Object.fromEntries(
    files.map((file) => [path.basename(file, '.js'), importDefault(path.join(from, file)) as unknown]),
  );
}

function loadContentTypes(apiFolder: string): Api['contentTypes'] {
  const from = path.join(apiFolder, 'content-types');
  const names = existsSync(from) ? readdirSync(from) : [];
  return Object.fromEntries(
    names.map((name) => {
      const schema = JSON.parse(readFileSync(path.join(from, name, 'schema.json'), 'utf8')) as Schema;
      return [name, { schema: toGuest(schema, path.basename(apiFolder)), actions: {}, lifecycles: {} }];
    }),
  );
}

/** Adds what Strapi's loader adds. The Content-Type Builder would write files of the type into the host. */
function toGuest(schema: Schema, apiName: string): Schema {
  const { singularName } = schema.info;
  const globalId = singularName.replace(/(?:^|-)(\w)/gu, (_match, letter: string) => letter.toUpperCase());
  const pluginOptions = { ...schema.pluginOptions, 'content-type-builder': { visible: false } };
  return { ...schema, ...{ apiName, globalId }, pluginOptions };
}

const withPrefix = (routers: Api['routes'], prefix: string): Api['routes'] =>
  Object.fromEntries(
    Object.entries(routers).map(([name, router]) => [
      name,
      { ...router, routes: router.routes.map((route) => ({ ...route, path: `/${prefix}${route.path}` })) },
    ]),
  );

function assertFree(strapi: Core.Strapi, name: string, { contentTypes }: Api): void {
  const all: readonly Struct.ContentTypeSchema[] = Object.values(strapi.contentTypes);
  for (const { schema } of Object.values(contentTypes)) {
    const taken = all.find((one) => sharesName(one, schema));
    if (taken !== undefined) {
      throw new GuestProblem(
        `This project has the content type "${taken.uid}" with a name of "${schema.info.singularName}". Rename it.`,
      );
    }
  }
  if (strapi.api(name) === undefined) return;
  throw new GuestProblem(
    Object.keys(contentTypes).length > 0
      ? `This project has an API with the name "${name}". Rename it.`
      : `This project has an API with the name "${name}". Set CHAT_API_PREFIX, e.g. to "ai".`,
  );
}

function sharesName(taken: Struct.ContentTypeSchema, own: Schema): boolean {
  if (taken.collectionName === own.collectionName) return true;
  const names = [own.info.singularName, own.info.pluralName];
  const { singularName, pluralName } = taken.info;
  return taken.uid.startsWith('api::') && (names.includes(singularName) || names.includes(pluralName));
}
