import type { Character } from '../../chat/model/character';
import type { ConversationSummary, StoredRecord } from '../model/store';

/** The character that answered, with its current name. */
export interface CharacterReply {
  readonly documentId: string;
  /** Null if the character is not published any more. */
  readonly name: string | null;
}

export interface ConversationReply {
  readonly conversation_id: string;
  /** The current row id of the user; null if the user does not exist any more. */
  readonly user_id: number | null;
  readonly title: string;
  readonly model: string;
  readonly ai_character: CharacterReply | null;
  readonly records: number;
  readonly errors: number;
  readonly total_tokens: number;
  readonly created_at: string;
  readonly updated_at: string;
}

/** An OpenAI message with the data of its record. */
export interface RecordedMessage {
  readonly role: string;
  readonly content: unknown;
  readonly [key: string]: unknown;
  readonly record_id: string;
  readonly created_at: string;
  readonly model: string;
  /** Usage of the whole record, on its last message; null on the others. */
  readonly usage: UsageReply | null;
  readonly error: ErrorReply | null;
}

export interface UsageReply {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
}

export interface ErrorReply {
  readonly code: string;
  readonly message: string;
  readonly phase: string;
}

export type Characters = ReadonlyMap<string, Character>;

export function toCharacterReply(documentId: string | null, characters: Characters): CharacterReply | null {
  return documentId === null ? null : { documentId, name: characters.get(documentId)?.name ?? null };
}

/** The row ids of users by documentId. */
export type UserIds = ReadonlyMap<string, number>;

export function toConversationReply(
  summary: ConversationSummary,
  characters: Characters,
  userIds: UserIds,
): ConversationReply {
  return {
    conversation_id: summary.conversationId,
    user_id: userIds.get(summary.userDocumentId) ?? null,
    title: summary.title,
    model: summary.model,
    ai_character: toCharacterReply(summary.characterId, characters),
    records: summary.records,
    errors: summary.errors,
    total_tokens: summary.totalTokens,
    created_at: summary.firstAt.toISOString(),
    updated_at: summary.lastAt.toISOString(),
  };
}

/** Returns the sent messages, followed by the answer. */
export function toRecordedMessages(record: StoredRecord): readonly RecordedMessage[] {
  const messages = [...record.messages, ...answerOf(record)];
  return messages.map((message, index) => {
    const isLast = index === messages.length - 1;
    const { role, content, ...rest } = isObject(message) ? message : { role: 'user', content: message };
    return {
      role: typeof role === 'string' ? role : 'user',
      content: content ?? null,
      ...rest,
      record_id: record.recordId,
      created_at: record.createdAt.toISOString(),
      model: record.model,
      usage: isLast ? toUsageReply(record) : null,
      error: isLast ? toErrorReply(record) : null,
    };
  });
}

/** Returns the first choice, which the user saw. For an error, returns the text that had arrived, if any. */
function answerOf({ response, error }: StoredRecord): readonly unknown[] {
  if (error !== null) {
    return error.partialText === '' ? [] : [{ role: 'assistant', content: error.partialText }];
  }
  const choices = isObject(response) ? response['choices'] : undefined;
  const [choice] = Array.isArray(choices) ? (choices as readonly unknown[]) : [];
  return isObject(choice) && isObject(choice['message']) ? [choice['message']] : [];
}

function toUsageReply({ usage }: StoredRecord): UsageReply {
  return {
    prompt_tokens: usage.promptTokens,
    completion_tokens: usage.completionTokens,
    total_tokens: usage.totalTokens,
  };
}

function toErrorReply({ error }: StoredRecord): ErrorReply | null {
  return error === null ? null : { code: error.code, message: error.message, phase: error.phase };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
