import { parseConversations, parseSavedMessages, type SavedMessage } from './schema';
import type { LostAnswer, FoundAnswer, IsKnown } from '../../chat/ports/upstream';

/**
 * Gets JSON from Dify. @returns the body.
 * @throws ChatError `upstream-…`
 */
export type GetJson = (path: string, query: Readonly<Record<string, string>>) => Promise<string>;

/** By how much Dify's clock and ours may differ, with its times cut to seconds. */
const clockSlackMs = 5_000;
/** Dify notes a question as soon as it has it. Later ones with the same words are other questions. */
const arrivalMs = 30_000;
/** Of a conversation, and of a user's conversations: the newest. */
const messageLimit = '5';
const conversationLimit = '20';

/** See `Upstream.findLostAnswer`. Without any id it costs a look into each conversation the user began at that time. */
export async function findLostAnswer(
  get: GetJson,
  lost: LostAnswer,
  isKnown: IsKnown = async () => false,
): Promise<FoundAnswer | null> {
  const found =
    lost.conversationId === null
      ? await findInNewConversations(get, lost, isKnown)
      : await findIn(get, lost.conversationId, lost, isKnown);
  if (found === null) return null;
  const { id: messageId, answer } = found.message;
  return answer === null ? null : { answer, messageId, conversationId: found.conversationId };
}

interface Found {
  readonly message: SavedMessage;
  readonly conversationId: string;
}

/** Questions of one conversation are asked one after the other, so of several that nobody knows the newest is meant. */
async function findIn(
  get: GetJson,
  conversationId: string,
  lost: LostAnswer,
  isKnown: IsKnown,
): Promise<Found | null> {
  const messages = await getMessages(get, conversationId, lost.user);
  for (const message of messages.filter((one) => isMeant(one, lost)).reverse()) {
    if (lost.messageId !== undefined || !(await isKnown(message.id))) return { message, conversationId };
  }
  return null;
}

/** Where two conversations began with this question, neither is taken: no answer is better than another turn's. */
async function findInNewConversations(
  get: GetJson,
  lost: LostAnswer,
  isKnown: IsKnown,
): Promise<Found | null> {
  const { user } = lost;
  const body = await get('/conversations', { user, sort_by: '-created_at', limit: conversationLimit });
  const found: Found[] = [];
  for (const { id, createdAt } of parseConversations(body)) {
    if (!isAtThatTime(createdAt, lost)) continue;
    const one = await findIn(get, id, lost, isKnown);
    if (one !== null) found.push(one);
  }
  return found.length === 1 ? (found[0] ?? null) : null;
}

async function getMessages(
  get: GetJson,
  conversationId: string,
  user: string,
): Promise<readonly SavedMessage[]> {
  const query = { conversation_id: conversationId, user, limit: messageLimit };
  return parseSavedMessages(await get('/messages', query));
}

function isMeant({ id, query, createdAt }: SavedMessage, lost: LostAnswer): boolean {
  if (lost.messageId !== undefined) return id === lost.messageId;
  return query !== undefined && withoutNul(query) === withoutNul(lost.query) && isAtThatTime(createdAt, lost);
}

function isAtThatTime(createdAt: Date | undefined, { askedAt }: LostAnswer): boolean {
  if (createdAt === undefined) return false;
  const laterMs = createdAt.getTime() - askedAt.getTime();
  return laterMs >= -clockSlackMs && laterMs <= arrivalMs;
}

/** Dify leaves it out of what it saves. */
function withoutNul(text: string): string {
  return text.replaceAll('\0', '');
}
