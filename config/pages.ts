import type { Core } from '@strapi/strapi';

import { landingPage } from '../src/env/landing-page';
import { flag, readVariables, servers } from '../src/env/variables';

/** The pages that the server has: the landing page at `/`, and the chat page at `/chat/`. */
const config = ({ env }: Core.Config.Shared.ConfigParams) => {
  const variables = readVariables(env, {
    LANDING_PAGE: landingPage,
    CHAT_PAGE: flag(true),
    CHAT_PAGE_IMAGE_ORIGINS: servers,
    HTTP_COMPRESSION: flag(true),
  });
  return {
    landingPage: variables.LANDING_PAGE,
    hasChatPage: variables.CHAT_PAGE,
    imageOrigins: variables.CHAT_PAGE_IMAGE_ORIGINS,
    compresses: variables.HTTP_COMPRESSION,
  };
};

export default config;
