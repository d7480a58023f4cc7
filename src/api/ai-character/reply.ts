import { z } from 'zod';

/** A published character, with the fields and the avatar that the client has named. */
const character = z
  .object({
    id: z.int(),
    documentId: z.string(),
    name: z.string(),
    prompt: z.string().nullable(),
    introduce: z.string().nullable(),
    opening_statement: z.string().nullable(),
    suggested_questions: z.unknown(),
    avatar: z.looseObject({}).nullable(),
    createdAt: z.string().meta({ format: 'date-time' }),
    updatedAt: z.string().meta({ format: 'date-time' }),
    publishedAt: z.string().meta({ format: 'date-time' }).nullable(),
  })
  .partial()
  .required({ id: true, documentId: true })
  .meta({ id: 'Character' });

const pagination = z.union([
  z.object({ page: z.int(), pageSize: z.int(), pageCount: z.int(), total: z.int() }).partial({
    pageCount: true,
    total: true,
  }),
  z.object({ start: z.int(), limit: z.int(), total: z.int().optional() }),
]);

/** The schemas of Strapi's replies, by the name of their component. */
export const characterSchemas = {
  CharacterList: z.object({ data: z.array(character), meta: z.object({ pagination }) }),
  CharacterResult: z.object({ data: character, meta: z.strictObject({}) }),
};
