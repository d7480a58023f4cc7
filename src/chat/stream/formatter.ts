import type { Character } from '../model/character';
import { toAnswerFileReply, type FileLinks } from '../contract/file/link';
import { toMessageReply } from '../contract/messages/reply';
import type { Owner } from '../model/owner';
import type { TurnProgress } from '../model/turn';
import type { TurnEvent } from '../model/turn-event';
import { toWireEvent, type Envelope, type WireEvent } from '../contract/stream-event';
import { toMessageHead, type MessageHead } from './message-head';

/** Converts the events of one turn to those that clients see. */
export interface WireFormat {
  /** Sets the upstream's ids. All later events contain them. */
  identify(ids: Pick<TurnProgress, 'messageId' | 'conversationId'>): void;
  event(event: TurnEvent): WireEvent;
  /** Returns the head of the next `message` events. */
  messageHead(): MessageHead;
}

/** The ids of a turn that are known before the upstream answers. */
export interface TurnIds {
  readonly turnId: string;
  readonly sessionId: string;
  readonly conversationId: string | null;
  readonly questionMessageId: string;
  readonly answerMessageId: string;
  readonly createdAt: Date;
  /** See `upstreamIdOf`. */
  readonly upstreamId: string | null;
}

export interface WireFormatOptions {
  readonly ids: TurnIds;
  readonly owner: Owner;
  /** Null if the character is deleted. */
  readonly character: Character | null;
  readonly exposePrompt: boolean;
  readonly links: FileLinks;
}

export function createWireFormat({
  ids,
  owner,
  character,
  exposePrompt,
  links,
}: WireFormatOptions): WireFormat {
  const characters = new Map(character === null ? [] : [[character.documentId, character]]);
  let envelope: Envelope = {
    turn_id: ids.turnId,
    task_id: ids.turnId,
    session_id: ids.sessionId,
    conversation_id: ids.conversationId,
    message_id: ids.answerMessageId,
    created_at: Math.floor(ids.createdAt.getTime() / 1000),
  };
  let head = toMessageHead(envelope);
  const answer = () => ({
    messageId: envelope.message_id,
    conversationId: envelope.conversation_id,
    upstreamId: ids.upstreamId,
  });
  return {
    identify({ messageId, conversationId }) {
      envelope = {
        ...envelope,
        message_id: messageId ?? envelope.message_id,
        conversation_id: conversationId ?? envelope.conversation_id,
      };
      head = toMessageHead(envelope);
    },
    messageHead: () => head,
    event: (event) =>
      toWireEvent(event, {
        envelope,
        questionMessageId: ids.questionMessageId,
        toReplies: (saved) =>
          saved.map((message) => toMessageReply(message, { owner, characters, exposePrompt, links })),
        toFile: (file) => toAnswerFileReply(file, answer(), { owner, links }),
      }),
  };
}
