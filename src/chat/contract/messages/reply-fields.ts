import { z } from 'zod';

import { invalidRequest } from '../invalid-request';
import { fieldsParameter, parseNamedFields, pick, toNames } from './named-fields';
import { characterReply, messageReply, userReply, type CharacterReply, type MessageReply } from './reply';

/** The fields that a reply shows of each message, of its character and of its user. Null means that it is left out. */
export interface ReplyFields {
  readonly message: ReadonlySet<string>;
  readonly ai_character: ReadonlySet<string> | null;
  readonly user: ReadonlySet<string> | null;
}

/** A message with the fields that the client has named. Without `fields` and `populate`, all of `Message`. */
export const selectedMessage = messageReply
  .extend({
    ai_character: characterReply
      .partial()
      .required({ id: true, documentId: true })
      .nullable()
      .describe('The published character, with the fields that the client has named.'),
    user: userReply
      .partial()
      .required({ id: true, documentId: true })
      .describe('The caller, with the fields that the client has named.'),
  })
  .partial()
  .required({ id: true })
  .meta({ id: 'SelectedMessage' });

export type SelectedMessage = Partial<MessageReply> & Pick<MessageReply, 'id'>;

const messageFields = [
  'id',
  'documentId',
  'message_id',
  'role',
  'query',
  'answer',
  'conversation_id',
  'session_id',
  'turn_id',
  'message_status',
  'outcome',
  'error_code',
  'tool_calls',
  'files',
  'usage',
  'feedback',
  'parent_message_id',
  'is_superseded',
  'thread_restarted',
  'createdAt',
  'updatedAt',
] as const satisfies readonly (keyof MessageReply)[];

const relationFields = {
  ai_character: [
    'id',
    'documentId',
    'name',
    'prompt',
    'introduce',
    'opening_statement',
    'suggested_questions',
  ] satisfies readonly (keyof CharacterReply)[],
  user: ['id', 'documentId', 'username', 'email'] satisfies readonly (keyof MessageReply['user'])[],
};

type Relation = keyof typeof relationFields;

/** The parameters as the OpenAPI document shows them. */
export const replyFieldParameters = {
  ...fieldsParameter,
  populate: z
    .record(z.string(), z.unknown())
    .optional()
    .describe('Fields of `ai_character` and `user`, e.g. `populate[user][fields]=username`.'),
};

/** A reply without `fields` and `populate` shows everything. That is the contract. */
const everything: ReplyFields = {
  message: new Set(messageFields),
  ai_character: new Set(relationFields.ai_character),
  user: new Set(relationFields.user),
};

/** Every message has its short id. The long `documentId` would be half of a message that is one sentence. */
const ofEveryMessage = ['id'];
/** In Strapi, every object has these. */
const ofEveryRelation = ['id', 'documentId'];
const noRelations = { ai_character: null, user: null };

/**
 * Parses `fields` and `populate` of a query string, in Strapi's notation. With `fields` alone, a message has only its
 * own fields, as in Strapi. `populate` only narrows the relations that it
 * names: `populate[user][fields]=username` changes nothing about the character, and `populate[user]=false` omits the
 * user.
 * @throws ChatError `invalid-request` with the name of the wrong parameter.
 */
export function parseReplyFields({ fields, populate }: Readonly<Record<string, unknown>>): ReplyFields {
  if (fields === undefined && populate === undefined) return everything;
  const message = parseFields('fields', fields, messageFields, ofEveryMessage);
  const isWhole = message.size === messageFields.length;
  return { message, ...(populate === undefined && !isWhole ? noRelations : relationsOf(populate)) };
}

/** Returns the message with the fields that the client has named. */
export function selectFields(message: MessageReply, fields: ReplyFields): SelectedMessage {
  if (fields === everything) return message;
  const { ai_character: character, user } = message;
  const narrowed: MessageReply = {
    ...message,
    ...(character !== null &&
      fields.ai_character !== null && { ai_character: pick(character, fields.ai_character) }),
    ...(fields.user !== null && { user: pick(user, fields.user) }),
  };
  const relations = (['ai_character', 'user'] as const).filter((name) => fields[name] !== null);
  return pick(narrowed, new Set([...fields.message, ...relations]));
}

function parseFields(
  parameter: string,
  value: unknown,
  known: readonly string[],
  always: readonly string[],
): ReadonlySet<string> {
  const named = parseNamedFields(parameter, value, known);
  return new Set(named === null ? known : [...always, ...named]);
}

function relationsOf(populate: unknown): Pick<ReplyFields, Relation> {
  return { ai_character: everything.ai_character, user: everything.user, ...parsePopulate(populate) };
}

function parsePopulate(populate: unknown): Partial<Record<Relation, ReadonlySet<string> | null>> {
  if (typeof populate !== 'object' || populate === null || Array.isArray(populate)) {
    for (const name of toNames('populate', populate)) if (!isAll(name)) assertRelation(name);
    return {};
  }
  const named = Object.entries(populate).map(([name, value]: [string, unknown]) => {
    const relation = assertRelation(name);
    return [relation, parseRelation(relation, value)] as const;
  });
  return Object.fromEntries(named);
}

function parseRelation(relation: Relation, value: unknown): ReadonlySet<string> | null {
  if (value === 'false') return null;
  if (typeof value === 'string' && isAll(value)) return everything[relation];
  const parameter = `populate[${relation}]`;
  if (typeof value !== 'object' || value === null)
    throw invalidRequest(`${parameter} must be true, false or fields.`);
  const { fields, ...others } = value as Readonly<Record<string, unknown>>;
  const [stranger] = Object.keys(others);
  if (stranger !== undefined)
    throw invalidRequest(`${parameter} can have fields; not "${stranger.slice(0, 100)}".`);
  return parseFields(`${parameter}[fields]`, fields, relationFields[relation], ofEveryRelation);
}

const isAll = (value: string): boolean => ['*', 'true', ''].includes(value);

function assertRelation(name: string): Relation {
  if (name === 'ai_character' || name === 'user') return name;
  throw invalidRequest(`populate can name ai_character and user; not "${name.slice(0, 100)}".`);
}
