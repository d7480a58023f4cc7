import type { Core } from '@strapi/strapi';
import { errors } from '@strapi/utils';
import { z } from 'zod';

import { ratings, turnOutcomes } from '../../../chat';
import type { ConversationFilter } from '../../../database/conversations/filter';
import type { Place } from '../../../database/conversations/conversations';
import { toAccountKey } from '../../accounts/account-key';

const maxSearchChars = 200;
const maxNameChars = 255;
/** The largest row id in both databases. */
const maxId = 2_147_483_647;

const name = z.string().trim().min(1).max(maxNameChars).optional();
const time = z.iso
  .datetime({ offset: true, error: 'must be a time, e.g. 2026-01-31T00:00:00Z' })
  .transform((text) => new Date(text))
  .optional();
const rowId = z.coerce.number().int().min(0).max(maxId);

const listQuery = z.object({
  character: name,
  user: name,
  from: time,
  before: time,
  outcome: z.enum(turnOutcomes).optional(),
  rating: z.enum(ratings).optional(),
  q: z.string().trim().min(1).max(maxSearchChars).optional(),
  cursor: z
    .string()
    .regex(/^(\d{1,15}-)?\d{1,10}$/u)
    .optional(),
});

export const exportFormats = ['json', 'csv', 'md'] as const;

const linesQuery = z.object({ after: rowId.default(0) });
const exportQuery = z.object({ format: z.enum(exportFormats) });
const auditQuery = z.object({ before: rowId.default(maxId) });

export interface ListRequest {
  readonly filter: ConversationFilter;
  /** The text to search for in questions and answers. */
  readonly text: string | undefined;
  /** Where the page begins in a list, and in a search. */
  readonly after: Place | null;
  readonly before: number;
  readonly isFirstPage: boolean;
  /** The filters that name a character or a user, for the audit log. */
  readonly names: string | null;
}

/** @throws ValidationError which names the wrong parameter. */
export function parseListRequest(strapi: Core.Strapi, query: unknown): ListRequest {
  const { q: text, cursor, user, ...rest } = parseQuery(listQuery, query);
  const [ms, id] = cursor?.includes('-') === true ? cursor.split('-') : [undefined, cursor];
  const names = [rest.character && `character ${rest.character}`, user && `user ${user}`].filter(Boolean);
  return {
    filter: { ...rest, ...(user !== undefined && { user: { reference: user, key: keyOf(strapi, user) } }) },
    text,
    after: ms === undefined ? null : { lastMessageAt: new Date(Number(ms)), rowId: Number(id) },
    before: text === undefined || id === undefined ? maxId : Number(id),
    isFirstPage: cursor === undefined,
    names: names.length === 0 ? null : names.join(', ').slice(0, maxNameChars),
  };
}

export const toListCursor = ({ lastMessageAt, rowId: id }: Place): string =>
  `${lastMessageAt.getTime()}-${id}`;

export const parseLinesRequest = (query: unknown) => parseQuery(linesQuery, query);
export const parseExportRequest = (query: unknown) => parseQuery(exportQuery, query);
export const parseAuditRequest = (query: unknown) => parseQuery(auditQuery, query);

function parseQuery<T extends z.ZodType>(schema: T, query: unknown): z.output<T> {
  const parsed = schema.safeParse(query);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new errors.ValidationError(`${issue?.path.join('.')}: ${issue?.message}`);
}

/** Only the application has the columns of keys. In the plugin's projects, accounts belong to the project. */
function keyOf(strapi: Core.Strapi, user: string): string | null {
  const { attributes } = strapi.contentType('plugin::users-permissions.user');
  return 'usernameKey' in attributes ? toAccountKey(user) : null;
}
