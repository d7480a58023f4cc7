import type { Core } from '@strapi/strapi';
import { z } from 'zod';

import { toChinese } from './translate';

/** The reply to an administrator who has chosen Chinese. */
const stateSchema = z.object({
  auth: z.object({ strategy: z.object({ name: z.literal('admin') }) }),
  user: z.object({ preferedLanguage: z.string().regex(/^zh/u) }),
});

/** Strapi's errors. Those of fields are in the details, and their sentences make up the message. */
const bodySchema = z.looseObject({
  error: z.looseObject({
    message: z.string(),
    details: z.looseObject({ errors: z.array(z.looseObject({ message: z.string() })).optional() }).optional(),
  }),
});

type ErrorBody = z.output<typeof bodySchema>;

/**
 * Translates the project's errors for administrators who have chosen Chinese in their profile. Call it in `register`: it
 * stands before Strapi's own handling of errors, and sees the finished reply.
 */
export function speakChinese(strapi: Core.Strapi): void {
  strapi.server.use(async (ctx, next) => {
    await next();
    if (ctx.status < 400 || !stateSchema.safeParse(ctx.state).success) return;
    const body = bodySchema.safeParse(ctx.body);
    if (body.success) ctx.body = translate(body.data);
  });
}

function translate({ error, ...body }: ErrorBody): object {
  const { message, details } = error;
  if (details?.errors === undefined) return { ...body, error: { ...error, message: toChinese(message) } };
  const errors = details.errors.map((one) => ({ ...one, message: toChinese(one.message) }));
  const isJoined = message === details.errors.map((one) => one.message).join(' ');
  const sentence = isJoined ? errors.map((one) => one.message).join('') : toChinese(message);
  return { ...body, error: { ...error, message: sentence, details: { ...details, errors } } };
}
