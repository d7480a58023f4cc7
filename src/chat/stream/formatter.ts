import type { Character } from '../model/character';
import { toMessageReply } from '../contract/message-reply';
import type { Owner } from '../model/owner';
import type { TurnProgress } from '../model/turn';
import type { TurnEvent } from '../model/turn-event';
import { toWireEvent, type Envelope, type WireEvent } from '../contract/stream-event';
import { toMessageHead, type MessageHead } from './message-head';

/** Puts the events of one turn into what clients see. */
export interface WireFormat {
  /** Dify's ids are known now: the events from here on carry them. */
  identify(ids: Pick<TurnProgress, 'messageId' | 'conversationId'>): void;
  event(event: TurnEvent): WireEvent;
  /** Of the `message` events from here on. */
  messageHead(): MessageHead;
}

/** What is known of a turn before Dify has said anything. */
export interface TurnIds {
  readonly turnId: string;
  readonly sessionId: string;
  readonly conversationId: string | null;
  readonly questionMessageId: string;
  readonly answerMessageId: string;
  readonly createdAt: Date;
}

export interface WireFormatOptions {
  readonly ids: TurnIds;
  readonly owner: Owner;
  /** Null where it is deleted. */
  readonly character: Character | null;
  readonly exposePrompt: boolean;
}

export function createWireFormat({ ids, owner, character, exposePrompt }: WireFormatOptions): WireFormat {
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
          saved.map((message) => toMessageReply(message, { owner, characters, exposePrompt })),
      }),
  };
}
