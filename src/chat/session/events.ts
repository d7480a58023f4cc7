import { z } from 'zod';

import type { Message } from '../model/message';
import type { NodeBus } from '../ports/nodes/node-bus';
import { toSessionMessageReply, type SessionMessageReply } from '../contract/sessions/reply';
import { createTopics } from '../shared/topics';

interface MessageIds {
  readonly session_id: string;
  /** The row number of the message (`Message.id`). */
  readonly id: number;
  readonly message_id: string;
}

/** An event of a session, apart from its turns. The server sends it to the owner's connected clients. */
export type SessionEvent =
  | (MessageIds & { readonly event: 'message_deleted' | 'message_read' })
  | (MessageIds & {
      readonly event: 'message_added' | 'message_edited' | 'message_restored';
      /** The message as the session API shows it. */
      readonly message: SessionMessageReply;
    })
  | (MessageIds & {
      readonly event: 'message_superseded';
      /** The first superseded message. All messages after it are superseded, too. */
      readonly message: SessionMessageReply;
      /** The turn that takes their place. */
      readonly turn_id: string;
    })
  | { readonly event: 'session_renamed'; readonly session_id: string; readonly title: string }
  | { readonly event: 'session_deleted'; readonly session_id: string };

/** Publishes events after they are saved, to all nodes. */
export interface SessionEvents {
  /** Publishes an event. Does nothing for null, which stands for a message without a session. */
  publish(event: SessionEvent | null): void;
  /** @returns a function that ends the subscription. */
  subscribe(sessionId: string, listener: (event: SessionEvent) => void): () => void;
}

const topicOf = (sessionId: string): string => `session:${sessionId}`;
/** A message between nodes. Only this server sends them, so this checks no field that it only passes on. */
const sentEvent = z.custom<SessionEvent>(
  (given) => z.looseObject({ event: z.string() }).safeParse(given).success,
);

export function createSessionEvents(bus: NodeBus): SessionEvents {
  const topics = createTopics<SessionEvent>();
  return {
    publish(event) {
      if (event === null) return;
      topics.publish(event.session_id, event);
      bus.send(topicOf(event.session_id), event);
    },
    subscribe(sessionId, listener) {
      const end = topics.subscribe(sessionId, listener);
      const elsewhere = bus.listen(topicOf(sessionId), (given) => {
        const { data } = sentEvent.safeParse(given);
        if (data !== undefined) listener(data);
      });
      return () => {
        end();
        elsewhere.end();
      };
    },
  };
}

export function toMessageEvent(
  event: 'message_deleted' | 'message_read',
  message: Message,
): SessionEvent | null {
  const ids = toIds(message);
  return ids === null ? null : { event, ...ids };
}

export function toContentEvent(
  event: 'message_added' | 'message_edited' | 'message_restored',
  message: Message,
): SessionEvent | null {
  const ids = toIds(message);
  return ids === null ? null : { event, ...ids, message: toSessionMessageReply(message) };
}

export function toSupersededEvent(message: Message, turnId: string): SessionEvent | null {
  const ids = toIds(message);
  if (ids === null) return null;
  return { event: 'message_superseded', ...ids, message: toSessionMessageReply(message), turn_id: turnId };
}

function toIds({ sessionId, id, messageId }: Message): MessageIds | null {
  return sessionId === null ? null : { session_id: sessionId, id, message_id: messageId };
}
