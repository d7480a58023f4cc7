import { z } from 'zod';

export const sessionPageSize = 20;
export const messagePageSize = 50;

/** Wraps the data of a successful reply in the session API's envelope. */
export function success<T>(data: T): { readonly code: 200; readonly message: string; readonly data: T } {
  return { code: 200, message: 'success', data };
}

/** Returns the schema of such a reply. */
export const inEnvelope = <Data extends z.ZodType>(data: Data) =>
  z.object({ code: z.literal(200), message: z.string().describe('Always `success`.'), data });

/** Returns the schema of a page, as `data` of such a reply. */
export const pageOf = <Item extends z.ZodType>(item: Item) =>
  z.object({
    items: z.array(item).describe('The entries of this page.'),
    total: z.int().describe('The number of entries on all pages.'),
    page: z.int().describe('The number of this page, from 1.'),
    page_size: z.int().describe('The maximum number of entries of a page.'),
  });
