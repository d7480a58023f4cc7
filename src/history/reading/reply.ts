import { z } from 'zod';

import { dateTime, type Reply } from '../../chat/contract/reply';
import type { Character } from '../../chat/model/character';
import type { ConversationSummary, StoredRecord } from '../model/store';

/** The character that answered, with its current name. */
export const characterReply = z
  .object({
    documentId: z.string().describe('The id of the character.'),
    name: z.string().nullable().describe('Null if the character is not published any more.'),
  })
  .meta({ id: 'HistoryCharacter' });
export type CharacterReply = Reply<typeof characterReply>;

const conversationReply = z
  .object({
    conversation_id: z.string().describe('The `session_id` of the chat.'),
    user_id: z
      .int()
      .nullable()
      .describe('The current row id of the user. Null if the user does not exist any more.'),
    title: z.string().describe('The first question.'),
    model: z.string().describe('What answered.'),
    ai_character: characterReply.nullable().describe('The character that answered.'),
    records: z.int().describe('How many questions with their results it has.'),
    errors: z.int().describe('How many of the records failed.'),
    total_tokens: z.int().describe('The tokens of all its records.'),
    created_at: dateTime.describe('When its first question was asked.'),
    updated_at: dateTime.describe('When its last question was asked. The list is sorted by it.'),
  })
  .meta({ id: 'HistoryConversation' });
export type ConversationReply = Reply<typeof conversationReply>;

const usageReply = z.object({
  prompt_tokens: z.int().describe('Tokens of the prompt.'),
  completion_tokens: z.int().describe('Tokens of the answer.'),
  total_tokens: z.int().describe('All tokens.'),
});
type UsageReply = Reply<typeof usageReply>;

const errorReply = z.object({
  code: z.string().describe('The code of the error.'),
  message: z.string().describe('A sentence for people.'),
  phase: z.string().describe('`before-answer` or `during-answer`.'),
});
type ErrorReply = Reply<typeof errorReply>;

/** An OpenAI message with the data of its record. */
const recordedMessage = z
  .looseObject({
    role: z.string().describe("As in OpenAI's format, e.g. `user` or `assistant`."),
    content: z.unknown().describe("The text, or what OpenAI's format has in its place."),
    record_id: z.string().describe('The same in all messages of a record. The `turn_id` of a turn.'),
    created_at: dateTime.describe("When the record's question was asked."),
    model: z.string().describe('What answered.'),
    usage: usageReply.nullable().describe('Of the whole record, on its last message. Null on the others.'),
    error: errorReply
      .nullable()
      .describe('Of the whole record, on its last message. Null if it did not fail.'),
  })
  .meta({ id: 'RecordedMessage' });
export type RecordedMessage = Reply<typeof recordedMessage>;

export const conversationPage = z.object({
  conversations: z.array(conversationReply).describe('Sorted by their latest record, the newest first.'),
  next_cursor: z.string().nullable().describe('Cursor of the next page. Null on the last one.'),
});
export type ConversationPage = Reply<typeof conversationPage>;

/** Messages in chronological order. */
export const recordedMessagePage = z.object({
  messages: z
    .array(recordedMessage)
    .describe('The latest messages in the order in which they were said. A record is never split.'),
  next_cursor: z.string().nullable().describe('Cursor of the older messages. Null if none exist.'),
});
export type RecordedMessagePage = Reply<typeof recordedMessagePage>;

export const deletionReply = z.object({ message: z.literal('Conversation deleted successfully') });

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
