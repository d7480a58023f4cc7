import type { Core } from '@strapi/strapi';

import type { Operation } from '../../http/operation';
import {
  ofBodies,
  ofEachRoute,
  ofPublicRoutes,
  ofReads,
  ofTokenRoutes,
  ofTokenlessRoutes,
} from '../../http/route-errors';
import type { ChatErrorCode, TokenScope } from '../../chat';
import { accountRoutes } from './account-routes';
import type { DocumentedRoute } from './documented-route';

/** A route of Strapi, as far as this file reads it. */
interface StrapiRoute {
  readonly method: string;
  readonly path: string;
  readonly info?: { readonly apiName?: string; readonly pluginName?: string };
  readonly config?: {
    readonly auth?: unknown;
    readonly middlewares?: readonly unknown[];
    readonly tokenScope?: TokenScope;
    readonly operation?: Operation;
  };
}

interface StrapiApi {
  readonly routes: Readonly<Record<string, { readonly routes: readonly StrapiRoute[] }>>;
}

/** Returns the routes for users, those that need no login, and those of accounts. */
export function listDocumentedRoutes(strapi: Core.Strapi): readonly DocumentedRoute[] {
  return [...routesOf(strapi.apis).flatMap(toDocumented), ...accountRoutes];
}

function routesOf(apis: object): readonly StrapiRoute[] {
  return (Object.values(apis) as readonly StrapiApi[])
    .flatMap((api) => Object.values(api.routes))
    .flatMap((router) => router.routes);
}

function toDocumented(route: StrapiRoute): DocumentedRoute[] {
  const { method, path, info, config } = route;
  if (config?.operation === undefined) return [];
  const isPublic = config.auth === false;
  return [
    {
      method: method.toLowerCase(),
      path: path.replaceAll(/:(\w+)/gu, '{$1}'),
      tag: info?.apiName ?? '',
      isPublic,
      operation: config.operation,
      codes: codesOf(route, config.operation, isPublic),
    },
  ];
}

function codesOf(
  { method, config }: StrapiRoute,
  { errors = [] }: Operation,
  isPublic: boolean,
): readonly ChatErrorCode[] {
  const isReading = config?.middlewares?.includes('global::reads') === true;
  return [
    ...(isPublic ? ofPublicRoutes : [...ofEachRoute, ...tokenCodesOf(config?.tokenScope)]),
    ...(method === 'GET' ? [] : ofBodies),
    ...(isReading ? ofReads : []),
    ...errors,
  ];
}

const tokenCodesOf = (scope: TokenScope | undefined): readonly ChatErrorCode[] =>
  scope === undefined ? ofTokenlessRoutes : ofTokenRoutes;
