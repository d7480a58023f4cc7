import { z } from 'zod';

import { turnOutcomes } from '../model/outcome';

/** The type of a reply, from its schema. The OpenAPI document shows the schema, so the two cannot differ. */
export type Reply<Schema extends z.ZodType> = Immutable<z.output<Schema>>;

type Immutable<T> = T extends readonly (infer Item)[]
  ? readonly Immutable<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: Immutable<T[Key]> }
    : T;

/** A time as replies show it, e.g. `2026-01-31T12:00:00.000Z`. */
export const dateTime = z.string().meta({ format: 'date-time', description: 'ISO 8601, in UTC.' });
/** Token counts and prices of one answer, as the upstream reports them. */
export const usageReply = z
  .record(z.string(), z.union([z.string(), z.number(), z.null()]))
  .meta({ id: 'Usage' });
const page = {
  page: z.int().describe('The number of this page, from 1.'),
  pageSize: z.int().describe('The maximum number of entries of a page.'),
  pageCount: z.int().describe('The number of pages.'),
  total: z.int().describe('The number of entries on all pages.'),
};
/** A page of a list, as Strapi shows it. */
export const pageReply = z.object(page);
/** The same for a request with `start` and `limit`. */
export const rangeReply = z.object({
  start: z.int().describe('The number of entries before this part.'),
  limit: z.int().describe('The maximum number of entries of the part.'),
  total: page.total,
});

/** Seconds since 1970. */
export const seconds = z.int().describe('Seconds since 1970.');

export const outcomeReply = z
  .enum(turnOutcomes)
  .nullable()
  .describe(
    'How an answer ended. `pending` while it is being written. `stopped`: its user stopped it. `interrupted`: it broke ' +
      'off, and the text so far is saved. `failed`: the upstream refused or failed. Null for a question.',
  );
export const errorCodeReply = z
  .string()
  .nullable()
  .describe('Why an answer was interrupted or failed: the code of an error. Otherwise null.');
export const isSupersededReply = z
  .boolean()
  .describe('True if another message took its place: a question was edited or asked again.');
export const threadRestartedReply = z
  .boolean()
  .describe('True if the upstream did not know the earlier messages of the session.');
