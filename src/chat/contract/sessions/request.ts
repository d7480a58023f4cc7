import { z } from 'zod';

import { ChatError } from '../../errors';
import { boundedJson, boundedText } from '../bounded';
import { listLimit, parse, wholeNumber } from '../invalid-request';
import { messageRoles, type MessageRole, type MessageReference } from '../../model/message';
import { oncePer } from '../../shared/once-per';
import type { Owner } from '../../model/owner';
import type { Range, Selection } from '../../model/page';
import { defaultTitle, type SessionFilter } from '../../model/session';
import type { RequestSettings } from '../../settings';
import { isBlank } from '../../shared/blank-text';
import { isUuid } from '../../shared/id-spellings';
import { toStorableJson, toStorableText } from '../../shared/storable-text';

/** Parsers for requests of the session API. Each one throws ChatError `invalid-request` with the name of the field. */

/** A page that a client requests by `page`, and `page_size` or `pageSize`. Null counts as missing. */
export interface PageRequest {
  readonly page: number;
  readonly pageSize: number;
  readonly range: Range;
}

const maxPageSize = 100;

const size = listLimit(maxPageSize).nullish();
export const pageParameters = z.object({
  page: wholeNumber(1, 1_000_000).nullish().describe('Default: 1.'),
  page_size: size.describe('Default: 20, for messages 50. More than 100 counts as 100.'),
  pageSize: size.describe('The same as `page_size`.'),
});

export function parsePage(params: unknown, defaultPageSize: number): PageRequest {
  const { page: given, page_size, pageSize: camelCase } = parse(pageParameters, params ?? {});
  const page = given ?? 1;
  const pageSize = page_size ?? camelCase ?? defaultPageSize;
  return { page, pageSize, range: { limit: pageSize, offset: (page - 1) * pageSize } };
}

const isNoOrder = 'must be asc or desc';

export const selectionParameters = z.object({
  superseded: z
    .enum(['true', 'false'], 'must be true or false')
    .default('false')
    .describe('`true` adds the superseded messages of other branches.'),
  order: z
    .string(isNoOrder)
    .toLowerCase()
    .pipe(z.enum(['asc', 'desc'], isNoOrder))
    .default('asc')
    .describe('`asc`: in the order in which the messages were said.'),
});

/** Parses `superseded?` and `order?` of a message list. Without them, the list has the branch in use, oldest first. */
export function parseSelection(params: unknown): Selection & { readonly newestFirst: boolean } {
  const { superseded, order } = parse(selectionParameters, params ?? {});
  return { withSuperseded: superseded === 'true', newestFirst: order === 'desc' };
}

const title = boundedText(z.string('must be text'), 255).transform((text) =>
  isBlank(text) ? '' : text.trim(),
);

export const reference = z
  .union([z.string().max(64), z.number()], 'must be an id')
  .transform((id) => toStorableText(String(id)));

const ownId = reference
  .nullish()
  .describe("The caller's numeric id or documentId. Another one gets `not-yourself`.");

export const newSessionBody = z.object({
  user_id: ownId,
  title: title.nullish().describe('At most 255 characters. Without it, the session gets a default title.'),
  character_id: reference
    .nullish()
    .describe('The character. Without it, the session takes the first one that is asked in it.'),
});

export interface SessionRequest {
  readonly userId: string | undefined;
  readonly title: string;
  readonly characterId: string | undefined;
}

/** Parses `{ "user_id"?, "title"?, "character_id"? }`. A session can get its title and its character later. */
export function parseNewSession(body: unknown): SessionRequest {
  const { user_id, title: text, character_id } = parse(newSessionBody, body ?? {});
  return { userId: user_id ?? undefined, title: text ?? '', characterId: character_id ?? undefined };
}

const user = z.object({ user_id: ownId });
export const sessionListBody = user.extend(pageParameters.shape);

/** Parses `{ "user_id"? }`. `parsePage` reads other keys of the same body. */
export function parseUserId(body: unknown): string | undefined {
  return parse(user, body ?? {}).user_id ?? undefined;
}

const filter = z.object({ character_id: reference.nullish() });

/** Parses `character_id?` of a list of sessions. `parsePage` reads other keys of the same query string or body. */
export function parseSessionFilter(params: unknown): SessionFilter {
  return { character: parse(filter, params ?? {}).character_id ?? undefined };
}

export const newTitleBody = z.object(
  { new_title: title.nullable().describe('Null and a blank title become the default title.') },
  'must be {"new_title": …}',
);

/** Parses `{ "new_title" }`. Null and a blank title become the default title. A missing title is an error. */
export function parseNewTitle(body: unknown): string {
  return parse(newTitleBody, body).new_title || defaultTitle;
}

export interface MessageRequest {
  readonly sessionId: string;
  readonly role: MessageRole;
  readonly content: string;
  readonly toolCalls: unknown;
  /** Whether the character of the session must answer. */
  readonly isQuestion: boolean;
}

export const newMessageBody = oncePer(({ maxQueryChars, maxInputsChars }: RequestSettings) =>
  z.object({
    session_id: z
      .string('must be the id of a session')
      .max(255, 'is too long to be an id')
      .describe('The session.'),
    content: content(maxQueryChars).describe('The text.'),
    role: z.enum(messageRoles, 'must be user, assistant or tool').default('user').describe('Who said it.'),
    tool_calls: boundedJson(
      z.array(z.unknown(), 'must be a list').max(100, 'can be at most 100 long'),
      maxInputsChars,
    )
      .nullish()
      .describe('Kept with the message, unchanged.'),
    reply: z
      .boolean('must be true or false')
      .nullish()
      .describe('True asks the character of the session. Otherwise the message is only stored.'),
  }),
);

/** Parses `{ "session_id", "content", "role"?, "tool_calls"?, "reply"? }`. */
export function parseNewMessage(body: unknown, settings: RequestSettings): MessageRequest {
  const { session_id, content: text, role, tool_calls, reply } = parse(newMessageBody(settings), body);
  if (reply === true && role !== 'user') {
    throw new ChatError('invalid-request', { sentence: 'Only a message of role user can be replied to.' });
  }
  return {
    sessionId: toStorableText(session_id),
    role,
    content: text,
    toolCalls: tool_calls === null || tool_calls === undefined ? null : toStorableJson(tool_calls),
    isQuestion: reply === true,
  };
}

export interface EditRequest {
  readonly content: string;
  /** True: ask the question again in the new words. False: change the saved question. */
  readonly isRegenerated: boolean;
}

export const editBody = oncePer(({ maxQueryChars }: RequestSettings) =>
  z.object({
    new_content: content(maxQueryChars).describe('The new words.'),
    regenerate: z
      .boolean('must be true or false')
      .nullish()
      .describe('True asks the question in its new words. Otherwise the saved question changes.'),
  }),
);

/** Parses `{ "new_content", "regenerate"? }`. */
export function parseEdit(body: unknown, settings: RequestSettings): EditRequest {
  const { new_content, regenerate } = parse(editBody(settings), body);
  return { content: new_content, isRegenerated: regenerate === true };
}

function content(maxChars: number) {
  return boundedText(z.string('must be text'), maxChars).refine((text) => !isBlank(text), 'is empty');
}

/** Parses the number of a message that this API shows, or the `message_id` of the other APIs. */
export function toMessageReference(text: string): MessageReference {
  const id = Number(text);
  return /^\d{1,10}$/u.test(text) && id <= 2_147_483_647 ? { id } : { messageId: toStorableText(text) };
}

/** @throws ChatError `not-yourself` unless `userId` is the owner's numeric id or documentId, or undefined. */
export function assertOwn(owner: Owner, userId: string | undefined): void {
  if (userId === undefined || userId === String(owner.id) || userId === owner.documentId) return;
  throw new ChatError('not-yourself');
}

// The arguments of the services that other code of the same Strapi calls.

const isNoSessionId = 'must be the id of a session';
const sessionId = z
  .string(isNoSessionId)
  .min(1, isNoSessionId)
  .max(255, 'is too long to be an id')
  .transform((id) => (isUuid(id) ? id.toLowerCase() : toStorableText(id)));

const maybeOwner = { user_id: reference.nullish() };
const sessionTarget = z.object({ session_id: sessionId, ...maybeOwner });
const messageTarget = z.object({
  message_id: z.union([z.string().max(255), z.number()], 'must be an id'),
  ...maybeOwner,
});
const userTarget = z.object({ user_id: reference });
const sessionWish = z.object({
  user_id: reference,
  session_id: z
    .string('must be a UUID')
    .refine(isUuid, 'must be a UUID')
    .transform((id) => id.toLowerCase())
    .nullish(),
});

/** Parses `user_id`, the numeric id or the documentId of a user. */
export function parseUserTarget(args: unknown): string {
  return parse(userTarget, args).user_id;
}

/** Parses `session_id` and `user_id?`. */
export function parseSessionTarget(args: unknown): {
  readonly sessionId: string;
  readonly userId: string | undefined;
} {
  const { session_id, user_id } = parse(sessionTarget, args);
  return { sessionId: session_id, userId: user_id ?? undefined };
}

/** Parses `message_id` and `user_id?`. */
export function parseMessageTarget(args: unknown): {
  readonly reference: MessageReference;
  readonly userId: string | undefined;
} {
  const { message_id, user_id } = parse(messageTarget, args);
  return { reference: toMessageReference(String(message_id)), userId: user_id ?? undefined };
}

/** Parses `user_id`, `session_id?`, `title?` and `character_id?` of a new session. */
export function parseSessionWish(
  args: unknown,
): SessionRequest & { readonly userId: string; readonly sessionId: string | undefined } {
  const { user_id, session_id } = parse(sessionWish, args);
  return { ...parseNewSession(args), userId: user_id, sessionId: session_id ?? undefined };
}
