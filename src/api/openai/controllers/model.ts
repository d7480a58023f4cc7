import type { Core } from '@strapi/strapi';
import type { Context } from 'koa';

import { toOpenAIModel } from '../../../chat';
import { chatOf } from '../../../app';
import { param } from '../../../http/param';

/** The published characters, as models. */
export default ({ strapi }: { strapi: Core.Strapi }) => ({
  /** GET /api/openai/v1/models */
  async list() {
    const characters = await chatOf(strapi).characterSessions.listCharacters();
    return { object: 'list', data: characters.map(toOpenAIModel) };
  },

  /** GET /api/openai/v1/models/:model */
  async find(ctx: Context) {
    return toOpenAIModel(await chatOf(strapi).characterSessions.findListed(param(ctx, 'model')));
  },
});
