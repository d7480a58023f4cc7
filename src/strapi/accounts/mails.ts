import type { Core } from '@strapi/strapi';
import { validateYupSchema, yup } from '@strapi/utils';
import type { Context } from 'koa';

import { userUid, type AccountName } from './account-columns';
import { toAccountKey } from './account-key';
import type { Action, CreateAuthController } from './auth-controller';
import type { MailQueue } from './mail-queue';
import { finding } from './strapi-view';

type Account = AccountName & { readonly blocked?: boolean; readonly confirmed?: boolean };

export interface UserService {
  sendConfirmationEmail(user: object): Promise<unknown>;
}

/** Checks an address as the plugin does. */
const parseAddress = validateYupSchema(yup.object({ email: yup.string().email().required() }));

/** Creates the plugin's two actions that send a mail if the account exists. They reply before they search for it. */
export function createMailActions(
  strapi: Core.Strapi,
  createController: CreateAuthController,
  mails: MailQueue,
) {
  const sendTo = (action: 'forgotPassword' | 'sendEmailConfirmation', account: Account, ctx: Context) =>
    createController({ strapi: finding(strapi, account) })[action](withoutReply(ctx));

  const forgotPassword: Action = async (ctx) => {
    const { email } = await parseEmail(ctx);
    mails.add('forgot-password', async () => {
      const account = await findByEmail(strapi, email);
      if (account !== null && account.blocked !== true) await sendTo('forgotPassword', account, ctx);
    });
    reply(ctx, { ok: true });
  };

  const sendEmailConfirmation: Action = async (ctx) => {
    const { email } = await parseEmail(ctx);
    mails.add('send-email-confirmation', async () => {
      const account = await findByEmail(strapi, email);
      const isWaiting = account !== null && account.confirmed !== true && account.blocked !== true;
      if (isWaiting) await sendTo('sendEmailConfirmation', account, ctx);
    });
    reply(ctx, { email, sent: true });
  };

  return { forgotPassword, sendEmailConfirmation };
}

/**
 * Sends the mail of a registration in the background. So a mail server that is down does not fail a registration after
 * the account was made.
 */
export function withConfirmationsLater<T extends UserService>(service: T, mails: MailQueue): T {
  const sendConfirmationEmail = (user: object): Promise<void> => {
    mails.add('email confirmation', () => service.sendConfirmationEmail(user));
    return Promise.resolve();
  };
  return { ...service, sendConfirmationEmail };
}

async function parseEmail(ctx: Context): Promise<{ readonly email: string }> {
  return (await parseAddress(ctx.request.body)) as { email: string };
}

function reply(ctx: Context, body: object): void {
  ctx.status = 200;
  ctx.body = body;
}

/** Returns the parts of an answered request that the plugin's action reads. */
function withoutReply({ request, state }: Context): Context {
  return { request: { body: request.body as unknown }, state, send: () => undefined } as unknown as Context;
}

/**
 * Returns the oldest account that logs in by password. If none exists, returns the oldest that logs in by a provider.
 */
async function findByEmail(strapi: Core.Strapi, email: string): Promise<Account | null> {
  const accounts = (await strapi.db.query(userUid).findMany({
    where: { $or: [{ emailKey: toAccountKey(email) }, { usernameKey: null, email: email.toLowerCase() }] },
    orderBy: { id: 'asc' },
    limit: 10,
  })) as Account[];
  return accounts.find(({ provider }) => provider === 'local') ?? accounts[0] ?? null;
}
