import type { Core } from '@strapi/strapi';
import type { Context } from 'koa';

/** A right that super administrators give to roles, under Settings in the role editor. Its id is `api::<uid>`. */
export interface AdminRight {
  readonly uid: string;
  readonly displayName: string;
  readonly subCategory: string;
}

/** A route below `/admin/character-chat`. It refuses users of the chat and administrators without the right. */
export interface AdminRoute {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  /**
   * The uid of a right, e.g. `chat-usage.read`; or an action of Strapi for a content type. Without it, the handler
   * checks the rights of the administrator.
   */
  readonly right?: string | { readonly action: string; readonly subject: string };
  readonly handler: (ctx: Context) => Promise<unknown>;
}

/** The server part of one page or panel of the editors' workplace. `workplace.ts` lists all parts. */
export interface WorkplacePart {
  readonly rights: readonly AdminRight[];
  routes(strapi: Core.Strapi): readonly AdminRoute[];
}
