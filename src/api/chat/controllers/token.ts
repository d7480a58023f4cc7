import type { Core } from '@strapi/strapi';
import type { Context } from 'koa';

import { ChatError, parseNewToken, storedChars, toTokenReply } from '../../../chat';
import { chatOf } from '../../../app';
import { loginOf } from '../../../strapi/logins/login-end';
import { loginsOf } from '../../../strapi/logins/logins';
import { makeToken } from '../../../strapi/tokens/make-token';
import { ownerOf } from '../../../http/owner';
import { param } from '../../../http/param';

/** Actions on the personal tokens of a user. */
export default ({ strapi }: { strapi: Core.Strapi }) => ({
  /** POST /api/chat/tokens: only this reply contains the token. */
  async create(ctx: Context) {
    const owner = ownerOf(ctx);
    const request = parseNewToken(ctx.request.body);
    await chatOf(strapi).writes.count(owner, storedChars(request.name));
    const login = loginOf(ctx);
    if (login === null) throw new ChatError('unauthorized');
    const { token, secret } = await makeToken(strapi, login, request);
    ctx.status = 201;
    ctx.set('Cache-Control', 'no-store');
    return { data: { ...toTokenReply(token), token: secret } };
  },

  /** GET /api/chat/tokens */
  async list(ctx: Context) {
    const tokens = await loginsOf(strapi).tokens.listOf(ownerOf(ctx).id);
    return { data: tokens.map(toTokenReply) };
  },

  /** DELETE /api/chat/tokens/:token_id */
  async revoke(ctx: Context) {
    const owner = ownerOf(ctx);
    await chatOf(strapi).writes.count(owner);
    const { tokens, ended } = loginsOf(strapi);
    const tokenId = param(ctx, 'token_id');
    if (!(await tokens.end(owner.id, tokenId))) throw new ChatError('token-not-found');
    await ended([owner.id]);
    return { data: { token_id: tokenId } };
  },
});
