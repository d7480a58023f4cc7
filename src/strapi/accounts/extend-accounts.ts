import type { Core } from '@strapi/strapi';

import { withAccountColumns } from './account-columns';
import type { CreateAuthController } from './auth-controller';
import { fillInAccounts } from './fill-in-accounts';
import { guardAccounts } from './guard-accounts';
import { createLogin } from './login';
import { createMailQueue, type MailQueue } from './mail-queue';
import { createMailActions, withConfirmationsLater, type UserService } from './mails';
import { boundPasswords } from './password-rule';
import {
  withFreeUsernames,
  withOneFirstLogin,
  type Providers,
  type ProvidersRegistry,
} from './provider-accounts';
import { createRegistration } from './registration';

interface Options {
  readonly strapi: Core.Strapi;
}
type Create<Service> = (options: Options) => Service;

/** The parts of the plugin that concern accounts: their names, logins and mails. */
export interface AccountsPlugin {
  readonly contentTypes: { readonly user: { readonly schema: Parameters<typeof withAccountColumns>[0] } };
  readonly controllers: { readonly auth: CreateAuthController };
  readonly services: {
    readonly user: Create<UserService>;
    readonly providers: Create<Providers>;
    readonly 'providers-registry': Create<ProvidersRegistry>;
  };
  register(options: Options): unknown;
  bootstrap(options: Options): Promise<unknown>;
  destroy?(options: Options): unknown;
}

/** Extends the plugin so that one person is one account: see docs/decisions/0028. */
export function extendAccounts<T extends AccountsPlugin>(plugin: T): T {
  const { contentTypes, controllers, services } = plugin;
  return {
    ...plugin,
    contentTypes: {
      ...contentTypes,
      user: { ...contentTypes.user, schema: withAccountColumns(contentTypes.user.schema) },
    },
    controllers: {
      ...controllers,
      auth: ({ strapi }: Options) => {
        const stock = controllers.auth({ strapi });
        return {
          ...stock,
          callback: createLogin(strapi, controllers.auth),
          register: createRegistration(strapi, stock.register),
          ...createMailActions(strapi, controllers.auth, mailsOf(strapi)),
        };
      },
    },
    services: {
      ...services,
      user: ({ strapi }: Options) => withConfirmationsLater(services.user({ strapi }), mailsOf(strapi)),
      providers: ({ strapi }: Options) => withOneFirstLogin(services.providers({ strapi })),
      'providers-registry': ({ strapi }: Options) =>
        withFreeUsernames(services['providers-registry']({ strapi }), strapi),
    },
    register({ strapi }: Options) {
      guardAccounts(strapi);
      boundPasswords(strapi);
      return plugin.register({ strapi });
    },
    async bootstrap({ strapi }: Options) {
      await plugin.bootstrap({ strapi });
      await fillInAccounts(strapi);
    },
    async destroy({ strapi }: Options) {
      await mailsOf(strapi).settled(5_000);
      await plugin.destroy?.({ strapi });
    },
  };
}

const queues = new WeakMap<Core.Strapi, MailQueue>();

function mailsOf(strapi: Core.Strapi): MailQueue {
  const mails = queues.get(strapi) ?? createMailQueue(strapi.log);
  queues.set(strapi, mails);
  return mails;
}
