import type { Core } from '@strapi/strapi';

interface Mail {
  readonly from?: string;
  readonly replyTo?: string;
}

interface EmailService {
  send(mail: Mail): Promise<unknown>;
}

interface Plugin {
  readonly services: { readonly email: (options: { strapi: Core.Strapi }) => EmailService };
}

/** Sender in the templates of users-permissions until an administrator changes it. Mails must not use this address. */
const placeholder = 'no-reply@strapi.io';

/** Uses EMAIL_FROM and EMAIL_REPLY_TO where a template leaves an address empty or still has the placeholder. */
export default (plugin: Plugin): Plugin => ({
  ...plugin,
  services: {
    ...plugin.services,
    email: (options) => {
      const service = plugin.services.email(options);
      const isConfigured = options.strapi.config.get('plugin::email.settings.defaultFrom', '') !== '';
      return {
        ...service,
        send: (mail) => service.send(isConfigured ? withDefaults(mail) : mail),
      };
    },
  },
});

function withDefaults({ from, replyTo, ...mail }: Mail): Mail {
  return {
    ...mail,
    ...(from !== undefined && !from.includes(placeholder) && { from }),
    ...(replyTo !== undefined && replyTo !== '' && { replyTo }),
  };
}
