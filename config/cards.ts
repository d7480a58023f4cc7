import type { Core } from '@strapi/strapi';

import { readVariables, size, toBytes } from '../src/env/variables';

const config = ({ env }: Core.Config.Shared.ConfigParams) => ({
  maxBytes: readVariables(env, { CARD_LIMIT: size.default('10mb').transform(toBytes) }).CARD_LIMIT,
});

export default config;
