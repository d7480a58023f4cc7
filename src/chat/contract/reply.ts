import { z } from 'zod';

/** The type of a reply, from its schema. The OpenAPI document shows the schema, so the two cannot differ. */
export type Reply<Schema extends z.ZodType> = Immutable<z.output<Schema>>;

type Immutable<T> = T extends readonly (infer Item)[]
  ? readonly Immutable<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: Immutable<T[Key]> }
    : T;

/** A time as replies show it, e.g. `2026-01-31T12:00:00.000Z`. */
export const dateTime = z.string().meta({ format: 'date-time' });
/** Token counts and prices of one answer, as the upstream reports them. */
export const usageReply = z
  .record(z.string(), z.union([z.string(), z.number(), z.null()]))
  .meta({ id: 'Usage' });
/** Seconds since 1970. */
export const seconds = z.int();
