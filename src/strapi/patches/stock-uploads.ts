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
 * Declares the routes of Strapi that take files: the media library's in the admin panel and in the content API, and the
 * logos of the admin panel. Must run before Strapi registers its routes.
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

/** Asks for the administrator's right before the body is read. Strapi's controllers ask only afterwards. */
function needs(right: (ctx: Context) => string) {
  return (ctx: Context & { forbidden(): void }, next: Next): unknown => {
    const { userAbility } = ctx.state as { userAbility: { can(action: string): boolean } };
    return userAbility.can(right(ctx)) ? next() : ctx.forbidden();
  };
}
