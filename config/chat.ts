import type { Core } from '@strapi/strapi';

import { chatVariables } from '../src/chat/settings';

/** The variables of the chat's settings, unchecked: `src/chat/settings.ts` has their types, bounds and defaults. */
const config = ({ env }: Core.Config.Shared.ConfigParams) => chatVariables(env);

export default config;
