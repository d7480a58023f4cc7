import type { Core } from '@strapi/strapi';
import type { Context, Next } from 'koa';

interface Route {
  readonly method: string;
  readonly path: string;
  config?: { middlewares?: unknown[] };
}

interface Router {
  readonly routes: readonly Route[];
}

const multipart = 'global::multipart';

/**
 * Declares the routes of Strapi that accept files. The media library has such routes in the admin panel and in the
 * content API. The others are for the logos of the admin panel. It must run before Strapi registers its routes.
 */
export function declareStockUploads(strapi: Core.Strapi): void {
  const upload = strapi.plugin('upload').routes as unknown as { 'content-api': Router; admin: Router };
  const { admin } = strapi.admin.routes as unknown as { admin: Router };
  const create = needs(() => 'plugin::upload.assets.create');
  const update = needs(() => 'plugin::upload.assets.update');
  const createOrUpdate = needs(
    ({ query }) => `plugin::upload.assets.${query['id'] === undefined ? 'create' : 'update'}`,
  );

  addMiddlewares(upload['content-api'], '/', multipart);
  addMiddlewares(upload.admin, '/', createOrUpdate, multipart);
  addMiddlewares(upload.admin, '/files', create, multipart);
  addMiddlewares(upload.admin, '/files/:id/replace', update, multipart);
  addMiddlewares(admin, '/project-settings', multipart);
}

function addMiddlewares({ routes }: Router, path: string, ...middlewares: unknown[]): void {
  const route = routes.find((one) => one.method === 'POST' && one.path === path);
  if (route === undefined) throw new Error(`Strapi has no route POST ${path} that takes files.`);
  route.config = { ...route.config, middlewares: [...(route.config?.middlewares ?? []), ...middlewares] };
}

/**
 * Checks the administrator's permission before the server reads the body. Strapi's controllers check it only
 * afterwards.
 */
function needs(right: (ctx: Context) => string) {
  return (ctx: Context & { forbidden(): void }, next: Next): unknown => {
    const { userAbility } = ctx.state as { userAbility: { can(action: string): boolean } };
    return userAbility.can(right(ctx)) ? next() : ctx.forbidden();
  };
}
