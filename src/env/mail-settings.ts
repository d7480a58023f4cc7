import { z } from 'zod';

import { count, flag, parseVariables } from './variables';

/** `ann@example.com`, or `Ann <ann@example.com>`. */
const address = z
  .string()
  .regex(
    /^(?:[^<>\r\n@]*<[^\s@<>]+@[^\s@<>]+>|[^\s@<>]+@[^\s@<>]+)$/u,
    'must be an email address, e.g. chat@example.com or Chat <chat@example.com>',
  );

const shape = {
  EMAIL_SMTP_HOST: z
    .string()
    .regex(/^[^\s/@]+$/u, 'must be the name or the address of a mail server, e.g. smtp.example.com')
    .optional(),
  EMAIL_SMTP_PORT: count(587, 65_535),
  EMAIL_SMTP_SECURE: flag(false),
  EMAIL_SMTP_USER: z.string().optional(),
  EMAIL_SMTP_PASSWORD: z.string().optional(),
  EMAIL_FROM: address.optional(),
  EMAIL_REPLY_TO: address.optional(),
};

const schema = z.object(shape).superRefine((variables, context) => {
  const demand = (path: keyof typeof shape, message: string) =>
    context.addIssue({ code: 'custom', path: [path], message });
  const { EMAIL_SMTP_HOST: host, EMAIL_SMTP_USER: user, EMAIL_SMTP_PASSWORD: password } = variables;
  if (host !== undefined && variables.EMAIL_FROM === undefined) {
    demand('EMAIL_FROM', 'is missing. Set it to the address that mails come from');
  }
  if (user !== undefined && password === undefined) demand('EMAIL_SMTP_PASSWORD', 'is missing');
  if (password !== undefined && user === undefined) demand('EMAIL_SMTP_USER', 'is missing');
});

/** The names of the variables. `.env.example` explains them. */
export const mailVariableNames = Object.keys(shape);

/** The configuration of Strapi's plugin `email`. */
export interface MailConfig {
  readonly provider: 'nodemailer';
  readonly providerOptions: object;
  readonly settings: {
    readonly defaultFrom: string | undefined;
    readonly defaultReplyTo: string | undefined;
  };
}

/** How long the mail server may take, in milliseconds: to accept a connection, to greet, and between two bytes. */
const timeouts = { connectionTimeout: 10_000, greetingTimeout: 10_000, socketTimeout: 30_000 };

/**
 * Reads the configuration for mails.
 * @returns undefined if EMAIL_SMTP_HOST is not set.
 * @throws SettingsError which lists every problem.
 */
export function readMailConfig(env: (name: string) => unknown): MailConfig | undefined {
  const given = Object.fromEntries(mailVariableNames.map((name) => [name, env(name)]));
  const variables = parseVariables(schema, given);
  if (variables.EMAIL_SMTP_HOST === undefined) return undefined;
  const { EMAIL_SMTP_USER: user, EMAIL_SMTP_PASSWORD: pass } = variables;
  return {
    provider: 'nodemailer',
    providerOptions: {
      host: variables.EMAIL_SMTP_HOST,
      port: variables.EMAIL_SMTP_PORT,
      secure: variables.EMAIL_SMTP_SECURE,
      // Never send a password over an unencrypted connection.
      ...(user !== undefined && { auth: { user, pass }, requireTLS: true }),
      ...timeouts,
    },
    settings: { defaultFrom: variables.EMAIL_FROM, defaultReplyTo: variables.EMAIL_REPLY_TO },
  };
}
