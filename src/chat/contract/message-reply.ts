import type { Character } from '../model/character';
import type { QuestionFile } from '../model/file';
import { toAnswerFileReply, type AnswerFileReply, type FileLinks } from './file/link';
import type { Message } from '../model/message';
import type { Owner } from '../model/owner';

/** A character inside a message, as the HTTP API shows it. */
export interface CharacterReply {
  readonly id: number;
  readonly documentId: string;
  readonly name: string | null;
  readonly prompt?: string | null;
  readonly introduce: string | null;
  readonly opening_statement: string | null;
  readonly suggested_questions: unknown;
}

/** A message as the HTTP API shows it. The user is always the caller. */
export interface MessageReply {
  readonly id: number;
  readonly documentId: string;
  readonly message_id: string;
  readonly role: string;
  readonly query: string;
  readonly answer: string | null;
  readonly conversation_id: string | null;
  readonly session_id: string | null;
  readonly turn_id: string | null;
  readonly message_status: string;
  readonly outcome: string | null;
  readonly error_code: string | null;
  readonly tool_calls: unknown;
  readonly files: readonly (QuestionFile | AnswerFileReply)[];
  readonly usage: unknown;
  readonly feedback: string | null;
  readonly parent_message_id: string | null;
  readonly is_superseded: boolean;
  readonly thread_restarted: boolean;
  readonly ai_character: CharacterReply | null;
  readonly user: {
    readonly id: number;
    readonly documentId: string;
    readonly username: string;
    readonly email: string;
  };
  readonly createdAt: string;
  readonly updatedAt: string;
}

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
