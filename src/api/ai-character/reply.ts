import { z } from 'zod';

import { schemas } from '../../chat';

const { dateTime, pageReply, rangeReply } = schemas;

/** A published character, with the fields and the avatar that the client has named. */
const character = z
  .object({
    id: z.int().describe('Never changes. Requests take it, too.'),
    documentId: z.string().describe('Never changes. Names the character in requests.'),
    name: z.string().describe('Its name.'),
    prompt: z.string().nullable().describe('Left out with `CHAT_EXPOSE_PROMPT=false`.'),
    introduce: z.string().nullable().describe('Its introduction, for people.'),
    opening_statement: z.string().nullable().describe('A first line to show before any question.'),
    suggested_questions: z.unknown().describe('First questions that its editor wrote: a list of texts.'),
    locale: z
      .string()
      .nullable()
      .describe('The locale of its texts: that of `?locale=`, or the default one.'),
    localizations: z
      .array(z.looseObject({}))
      .describe('Its other locales, for API tokens that populate them.'),
    avatar: z.looseObject({}).nullable().describe('A picture, with `populate=avatar`.'),
    createdAt: dateTime,
    updatedAt: dateTime,
    publishedAt: dateTime.nullable().describe('When this version was published.'),
  })
  .partial()
  .required({ id: true, documentId: true })
  .meta({ id: 'Character' });

const pagination = z.union([
  pageReply.partial({ pageCount: true, total: true }),
  rangeReply.partial({ total: true }),
]);

/** The schemas of Strapi's replies, by the name of their component. */
export const characterSchemas = {
  CharacterList: z.object({
    data: z.array(character).describe('Published characters.'),
    meta: z.object({ pagination: pagination.describe('The requested part.') }),
  }),
  CharacterResult: z.object({ data: character, meta: z.strictObject({}) }),
};
