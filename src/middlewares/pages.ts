import type { Core } from '@strapi/strapi';
import type { Context, Middleware, Next } from 'koa';

import type { LandingPage } from '../env/landing-page';
import { createChatPage } from '../strapi/pages/chat-page';
import { createLandingPage } from '../strapi/pages/landing-page';

/** `config/pages.ts`. */
interface PagesConfig {
  readonly landingPage: LandingPage;
  readonly hasChatPage: boolean;
  readonly imageOrigins: readonly string[];
  readonly compresses: boolean;
}

/** Serves the landing page at `/`, and the chat page at `/chat/`. */
export default (_config: unknown, { strapi }: { strapi: Core.Strapi }) => {
  const config = strapi.config.get<PagesConfig>('pages');
  const landingPage = createLandingPage(strapi, config);
  const chatPage: Middleware = config.hasChatPage ? createChatPage(strapi, config) : (_ctx, next) => next();

  return function pages(ctx: Context, next: Next): unknown {
    return landingPage(ctx, () => chatPage(ctx, next) as Promise<unknown>);
  };
};
