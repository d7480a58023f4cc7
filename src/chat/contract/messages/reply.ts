import { z } from 'zod';

import type { Character } from '../../model/character';
import { answerFileReply, toAnswerFileReply, type FileLinks } from '../file/link';
import { questionFileReply } from '../file/question-files';
import { messageRoles, messageStatuses, ratings, type Message } from '../../model/message';
import { turnOutcomes } from '../../model/outcome';
import type { Owner } from '../../model/owner';
import { dateTime, usageReply, type Reply } from '../reply';

/** A character inside a message, as the HTTP API shows it. */
export const characterReply = z
  .object({
    id: z.int(),
    documentId: z.string(),
    name: z.string().nullable(),
    prompt: z.string().nullable().optional().describe('Left out with `CHAT_EXPOSE_PROMPT=false`.'),
    introduce: z.string().nullable(),
    opening_statement: z.string().nullable(),
    suggested_questions: z.unknown(),
  })
  .meta({ id: 'MessageCharacter' });
export type CharacterReply = Reply<typeof characterReply>;

/** The caller inside a message. */
export const userReply = z
  .object({ id: z.int(), documentId: z.string(), username: z.string(), email: z.string() })
  .meta({ id: 'MessageUser' });

/** A message as the HTTP API shows it. The user is always the caller. */
export const messageReply = z
  .object({
    id: z.int(),
    documentId: z.string(),
    message_id: z.string(),
    role: z.enum(messageRoles),
    query: z.string(),
    answer: z.string().nullable(),
    conversation_id: z.string().nullable(),
    session_id: z.string().nullable(),
    turn_id: z.string().nullable(),
    message_status: z.enum(messageStatuses),
    outcome: z.enum(turnOutcomes).nullable(),
    error_code: z.string().nullable(),
    tool_calls: z.unknown(),
    files: z.array(z.union([questionFileReply, answerFileReply])),
    usage: usageReply.nullable(),
    feedback: z.enum(ratings).nullable(),
    parent_message_id: z.string().nullable(),
    is_superseded: z.boolean(),
    thread_restarted: z.boolean(),
    ai_character: characterReply.nullable(),
    user: userReply,
    createdAt: dateTime,
    updatedAt: dateTime,
  })
  .meta({ id: 'Message' });
export type MessageReply = Reply<typeof messageReply>;

export interface ReplyContext {
  readonly owner: Owner;
  readonly characters: ReadonlyMap<string, Character>;
  readonly exposePrompt: boolean;
  readonly links: FileLinks;
}

export function toMessageReply(
  message: Message,
  { owner, characters, exposePrompt, links }: ReplyContext,
): MessageReply {
  const character = message.characterId === null ? undefined : characters.get(message.characterId);
  return {
    id: message.id,
    documentId: message.documentId,
    message_id: message.messageId,
    role: message.role,
    query: message.query,
    answer: message.answer,
    conversation_id: message.conversationId,
    session_id: message.sessionId,
    turn_id: message.turnId,
    message_status: message.status,
    outcome: message.outcome,
    error_code: message.errorCode,
    tool_calls: message.toolCalls,
    files:
      message.role === 'assistant'
        ? message.answerFiles.map((file) => toAnswerFileReply(file, message, { owner, links }))
        : message.files,
    usage: message.usage,
    feedback: message.feedback,
    parent_message_id: message.parentMessageId,
    is_superseded: message.isSuperseded,
    thread_restarted: message.isThreadRestarted,
    ai_character: character ? toCharacterReply(character, exposePrompt) : null,
    user: { id: owner.id, documentId: owner.documentId, username: owner.username, email: owner.email },
    createdAt: message.createdAt.toISOString(),
    updatedAt: message.updatedAt.toISOString(),
  };
}

function toCharacterReply(character: Character, exposePrompt: boolean): CharacterReply {
  return {
    id: character.id,
    documentId: character.documentId,
    name: character.name,
    ...(exposePrompt && { prompt: character.prompt }),
    introduce: character.introduce,
    opening_statement: character.openingStatement,
    suggested_questions: character.suggestedQuestions,
  };
}
