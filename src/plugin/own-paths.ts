import type { Core } from '@strapi/strapi';

import { matchRoutes } from '../http/router';
import { isServedWithoutApi } from '../middlewares/paths-without-api';
import type { OwnApi } from './apis';

/** Decides which paths belong to the plugin. All others belong to the host. */
export interface OwnPaths {
  /** Returns whether a path without `/api` is one of a documented contract, and no route of the host. */
  isWithoutApi(path: string): boolean;
  /** Returns whether a path is one of the plugin's, known or unknown. */
  has(path: string): boolean;
}

interface Options {
  readonly apis: readonly OwnApi[];
  readonly prefix: string | undefined;
  readonly servesWithoutApi: boolean;
}

/** Paths of APIs with content types. Their names are taken from the host, so they have no prefix. */
const ofTypes = [
  'ai-characters',
  'chat-conversations',
  'chat-sessions',
  'aichat',
  'ws',
  'chat/(sessions?|messages?)',
];
const ofOthers = [
  'ai-sdk',
  'chat',
  'conversations',
  'users/[^/]+/conversations',
  'dify',
  'console/api/apps',
  'openai',
  'v1/(conversations|stats)',
];

/** The routes of the admin API, as the router has them. */
const ofAdmin = [
  '/admin/history/conversations',
  '/admin/history/conversations/:conversation_id',
  '/admin/history/stats',
  '/admin/character-cards',
  '/admin/character-cards/:documentId',
];

export function createOwnPaths(strapi: Core.Strapi, { apis, prefix, servesWithoutApi }: Options): OwnPaths {
  const others = ofOthers.map((one) => (prefix === undefined ? one : `${prefix}/${one}`));
  const ours = new RegExp(
    `^/(api/(${[...ofTypes, ...others].join('|')})|admin/(history|character-cards|character-chat))(/|$)`,
    'iu',
  );
  let routes: ReadonlySet<string> | undefined;

  return { isWithoutApi, has };

  function isWithoutApi(path: string): boolean {
    if (!servesWithoutApi || path.startsWith('/api/') || !isServedWithoutApi(path)) return false;
    return ours.test(`/api${path}`) && !isOfHost(path);
  }

  function has(path: string): boolean {
    return isWithoutApi(path) || (ours.test(path) && !isOfHost(path));
  }

  function isOfHost(path: string): boolean {
    routes ??= findRoutes();
    const matched = matchRoutes(strapi, path).filter((layer) => !/[*+]\)?$/u.test(layer.path));
    return matched.length > 0 && !matched.some((layer) => routes?.has(layer.path));
  }

  /** Strapi has mounted the routes when the first request comes. */
  function findRoutes(): ReadonlySet<string> {
    const routers = apis.flatMap(({ registeredName }) =>
      Object.values(
        strapi.api(registeredName).routes as Record<string, { routes: readonly { path: string }[] }>,
      ),
    );
    const inApi = routers.flatMap((router) => router.routes.map(({ path }) => `/api${path}`));
    return new Set([...inApi, ...ofAdmin]);
  }
}
