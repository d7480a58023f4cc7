import type { Core } from '@strapi/strapi';
import type { Context } from 'koa';

export type Action = (ctx: Context, ...rest: unknown[]) => Promise<unknown>;

/** The plugin's controller `auth`, with the actions that this application changes. */
export interface AuthController extends Readonly<Record<string, Action>> {
  readonly callback: Action;
  readonly register: Action;
  readonly forgotPassword: Action;
  readonly sendEmailConfirmation: Action;
}

export type CreateAuthController = (options: { strapi: Core.Strapi }) => AuthController;
