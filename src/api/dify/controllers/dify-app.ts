import type { Core } from '@strapi/strapi';
import type { Context } from 'koa';

import { toDifyInfo, toDifyMeta, toDifyParameters, toDifySite } from '../../../chat';
import { chatOf } from '../../../app';
import { ownerOf } from '../../../http/owner';
import { param } from '../../../http/param';

/** What Dify tells about an app: here, a published character. */
export default ({ strapi }: { strapi: Core.Strapi }) => {
  const characterOf = (ctx: Context) =>
    chatOf(strapi).characterSessions.findCharacter(ownerOf(ctx), param(ctx, 'character_id'));

  return {
    /** GET /api/dify/:character_id/v1/parameters */
    async parameters(ctx: Context) {
      const { settings, uploads } = chatOf(strapi);
      const character = await characterOf(ctx);
      const takesFiles = await uploads.takesFiles(character);
      return toDifyParameters(character, { takesFiles, maxFiles: settings.request.maxFiles });
    },

    /** GET /api/dify/:character_id/v1/info */
    async info(ctx: Context) {
      return toDifyInfo(await characterOf(ctx));
    },

    /** GET /api/dify/:character_id/v1/meta */
    async meta(ctx: Context) {
      await characterOf(ctx);
      return toDifyMeta();
    },

    /** GET /api/dify/:character_id/v1/site */
    async site(ctx: Context) {
      return toDifySite(await characterOf(ctx));
    },
  };
};
