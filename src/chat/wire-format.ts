import type { Character } from './characters';
import { toMessageReply } from './message-reply';
import type { NewTurn, TurnProgress } from './stores';
import type { TurnEvent } from './turn-event';
import { toWireEvent, type Envelope, type WireEvent } from './wire-event';

/** Puts the events of one turn into what clients see. */
export interface WireFormat {
  /** Dify's ids are known now: the events from here on carry them. */
  identify(ids: Pick<TurnProgress, 'messageId' | 'conversationId'>): void;
  event(event: TurnEvent): WireEvent;
}

export interface WireFormatOptions {
  readonly turn: NewTurn;
  readonly character: Character;
  readonly exposePrompt: boolean;
}

export function createWireFormat({ turn, character, exposePrompt }: WireFormatOptions): WireFormat {
  const characters = new Map([[character.linkId, character]]);
  let envelope: Envelope = {
    turn_id: turn.turnId,
    task_id: turn.turnId,
    session_id: turn.session.sessionId,
    conversation_id: turn.session.conversationId,
    message_id: turn.answerMessageId,
    created_at: Math.floor(Date.now() / 1000),
  };
  return {
    identify({ messageId, conversationId }) {
      envelope = {
        ...envelope,
        message_id: messageId ?? envelope.message_id,
        conversation_id: conversationId ?? envelope.conversation_id,
      };
    },
    event: (event) =>
      toWireEvent(event, {
        envelope,
        questionMessageId: turn.questionMessageId,
        toReplies: (saved) =>
          saved.map((message) => toMessageReply(message, { owner: turn.owner, characters, exposePrompt })),
      }),
  };
}
