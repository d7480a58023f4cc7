import { z } from 'zod';

import type { Character } from '../../model/character';
import { answerFileReply, toAnswerFileReply, type FileLinks } from '../file/link';
import { questionFileReply } from '../file/question-files';
import { messageRoles, messageStatuses, ratings, type Message } from '../../model/message';
import { nameUser } from '../../model/macros';
import type { Owner } from '../../model/owner';
import {
  dateTime,
  errorCodeReply,
  isSupersededReply,
  outcomeReply,
  threadRestartedReply,
  usageReply,
  type Reply,
} from '../reply';

/** A character inside a message, as the HTTP API shows it. */
export const characterReply = z
  .object({
    id: z.int().describe('Never changes. Requests take it, too.'),
    documentId: z.string().describe('Never changes. Names the character in requests.'),
    name: z.string().nullable().describe('Null while the character is unpublished.'),
    prompt: z.string().nullable().optional().describe('Left out with `CHAT_EXPOSE_PROMPT=false`.'),
    introduce: z.string().nullable().describe('Its introduction, for people.'),
    opening_statement: z.string().nullable().describe('A first line to show before any question.'),
    suggested_questions: z.unknown().describe('First questions that its editor wrote: a list of texts.'),
  })
  .meta({ id: 'MessageCharacter' });
export type CharacterReply = Reply<typeof characterReply>;

/** The caller inside a message. */
export const userReply = z
  .object({
    id: z.int().describe('The numeric id of the account.'),
    documentId: z.string().describe('The id of the account that an import keeps.'),
    username: z.string().describe('The name to log in with.'),
    email: z.string().describe('The email address of the account.'),
  })
  .meta({ id: 'MessageUser' });

/** A message as the HTTP API shows it. The user is always the caller. */
export const messageReply = z
  .object({
    id: z.int().describe('The id of the entry in Strapi.'),
    documentId: z.string().describe('The documentId of the entry in Strapi.'),
    message_id: z
      .string()
      .describe(
        "For an answer, Dify's message id once it is known. Before that, and for questions: `msg_…`.",
      ),
    role: z
      .enum(messageRoles)
      .describe('`user` for a question, `assistant` for an answer. `tool` only for a stored message.'),
    query: z.string().describe('The question. The same in both messages of a turn.'),
    answer: z.string().nullable().describe('The answer. The same in both messages of a turn.'),
    conversation_id: z.string().nullable().describe("Dify's id of the session. Null until Dify sends it."),
    session_id: z
      .string()
      .nullable()
      .describe("This server's id of the session. Send it with the next question to continue."),
    turn_id: z.string().nullable().describe('The same for a question and its answer.'),
    message_status: z.enum(messageStatuses).describe('`read` once its owner has marked it as read.'),
    outcome: outcomeReply,
    error_code: errorCodeReply,
    tool_calls: z.unknown().describe('Calls of a message that a client has stored. Null for a turn.'),
    files: z
      .array(z.union([questionFileReply, answerFileReply]))
      .describe('The files of the question, or of the answer.'),
    usage: usageReply
      .nullable()
      .describe('Tokens, prices and latency of an answer, as the upstream reports them. Otherwise null.'),
    feedback: z.enum(ratings).nullable().describe("The owner's rating of an answer. Null without a rating."),
    parent_message_id: z
      .string()
      .nullable()
      .describe(
        "For an answer: its question's `message_id`. For a repeated or edited question: the old one's.",
      ),
    is_superseded: isSupersededReply,
    thread_restarted: threadRestartedReply,
    ai_character: characterReply
      .nullable()
      .describe(
        'The published character. Its texts are null while it is unpublished. Null once it is deleted.',
      ),
    user: userReply.describe('The caller.'),
    createdAt: dateTime,
    updatedAt: dateTime.describe('Rating and reading do not change it.'),
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
    ai_character: character ? toCharacterReply(nameUser(character, owner), exposePrompt) : null,
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
