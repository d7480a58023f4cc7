import { parseConversations, parseSavedMessages, type SavedMessage } from './schema';
import type { LostAnswer, FoundAnswer, IsKnown } from '../../chat/ports/upstream';

/**
 * Gets JSON from Dify. @returns the body.
 * @throws ChatError `upstream-…`
 */
export type GetJson = (path: string, query: Readonly<Record<string, string>>) => Promise<string>;

/** How much Dify's clock may differ from the clock of this server. Dify cuts its times to seconds. */
const clockSlackMs = 5_000;
/** Dify saves a question as soon as it arrives. A later one with the same words is another question. */
const arrivalMs = 30_000;
/** How many of the newest messages of a conversation, and conversations of a user, the server reads. */
export const messageLimit = '5';
const conversationLimit = '20';

/** See `Upstream.findLostAnswer`. Without any id, it reads each conversation that the user started at that time. */
export async function findLostAnswer(
  get: GetJson,
  lost: LostAnswer,
  isKnown: IsKnown = async () => false,
): Promise<FoundAnswer | null> {
  const found =
    lost.conversationId === null
      ? await findInNewConversations(get, lost, isKnown)
      : await findIn(get, lost.conversationId, lost, isKnown);
  return found && toFoundAnswer(found.message, found.conversationId);
}

/** Returns null if the answer is not complete. */
export function toFoundAnswer(
  { id: messageId, answer, files }: SavedMessage,
  conversationId: string,
): FoundAnswer | null {
  if (answer === null) return null;
  return { answer, messageId, conversationId, ...(files.length > 0 && { files }) };
}

interface Found {
  readonly message: SavedMessage;
  readonly conversationId: string;
}

async function findIn(
  get: GetJson,
  conversationId: string,
  lost: LostAnswer,
  isKnown: IsKnown,
): Promise<Found | null> {
  const message = await findMessage(await getMessages(get, conversationId, lost.user), lost, isKnown);
  return message && { message, conversationId };
}

/**
 * Finds the message in a page of one conversation, oldest first. Questions are asked there one after another. So the
 * newest unknown one fits.
 */
export async function findMessage(
  messages: readonly SavedMessage[],
  lost: LostAnswer,
  isKnown: IsKnown,
): Promise<SavedMessage | null> {
  for (const message of messages.filter((one) => isMeant(one, lost)).reverse()) {
    if (lost.messageId !== undefined || !(await isKnown(message.id))) return message;
  }
  return null;
}

/** Returns null if two conversations match: no answer is better than the answer of another turn. */
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

/** Removes NUL, because Dify does not save it. */
function withoutNul(text: string): string {
  return text.replaceAll('\0', '');
}
