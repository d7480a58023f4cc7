import type { Core } from '@strapi/strapi';

import { settingNames } from '../src/chat/settings';
import { valuesOf } from '../src/env/variables';

/** The variables of the chat's settings, unchecked: `src/chat/settings.ts` has their types, bounds and defaults. */
const config = ({ env }: Core.Config.Shared.ConfigParams) => ({
  ...valuesOf(env, settingNames),
  // Older and more general names, used where the setting's own variable is empty.
  DIFY_API_URL: env('DIFY_API_URL') || env('DIFFBOT_API_URL'),
  DIFY_API_KEY: env('DIFY_API_KEY') || env('DIFFBOT_API_KEY'),
  CHAT_WS_ORIGINS: env('CHAT_WS_ORIGINS') || env('CORS_ORIGINS'),
});

export default config;
