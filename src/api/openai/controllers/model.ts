import type { Core } from '@strapi/strapi';
import type { Context } from 'koa';

import { ChatError, toOpenAIModel } from '../../../chat';
import { chatOf } from '../../../app';
import { ownerOf } from '../../../http/owner';
import { param } from '../../../http/param';

/** The published characters, as models. */
export default ({ strapi }: { strapi: Core.Strapi }) => {
  const listModels = async () => (await chatOf(strapi).characterSessions.listCharacters()).map(toOpenAIModel);

  return {
    /** GET /api/openai/v1/models */
    async list() {
      return { object: 'list', data: await listModels() };
    },

    /** GET /api/openai/v1/models/:model */
    async find(ctx: Context) {
      const { documentId } = await chatOf(strapi).characterSessions.findCharacter(
        ownerOf(ctx),
        param(ctx, 'model'),
      );
      const model = (await listModels()).find(({ id }) => id === documentId);
      if (model === undefined) throw new ChatError('character-not-found');
      return model;
    },
  };
};
