import { createHash, timingSafeEqual } from 'node:crypto';

import { Counter, Gauge, Registry } from 'prom-client';

import type { Chat } from '../chat';
import type { History } from '../history';

/** The queue of Strapi's events of messages. */
export interface EventQueueFigures {
  waiting(): number;
  dropped(): number;
}

/**
 * Creates the metrics of this process and its history. Reading the registry reads each of them.
 * @param events undefined if the server sends no such events.
 */
export function createMetrics(
  { turns, live, queuedTurns }: Pick<Chat, 'turns' | 'live' | 'queuedTurns'>,
  { writer }: Pick<History, 'writer'>,
  events?: EventQueueFigures,
): Registry {
  const registry = new Registry();
  const add = (name: string, help: string, read: () => number) => {
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read());
      },
    });
  };
  add('chat_live_turns', 'Answers that are running in this process.', () => live.all().length);
  add('chat_queued_turns', 'Questions that wait, because Dify gives enough answers.', queuedTurns);
  add('chat_draining', '1 while this process shuts down.', () => Number(turns.isDraining()));
  if (events !== undefined) {
    const { waiting, dropped } = events;
    add('chat_strapi_events_waiting', "Saved turns that wait for Strapi's events.", waiting);
    new Counter({
      name: 'chat_strapi_events_dropped_total',
      help: "Saved turns for which the server has sent none of Strapi's events.",
      registers: [registry],
      collect() {
        this.reset();
        this.inc(dropped());
      },
    });
  }
  if (writer === null) return registry;
  const { status } = writer;
  add('chat_history_up', '0 while the history or main database is unreachable for the writer.', () =>
    Number(status().problem === null),
  );
  add('chat_history_waiting_turns', 'Finished turns that the history does not have.', () => status().waiting);
  add('chat_history_waiting_erasures', 'Erasures that the history has not applied yet.', () =>
    Number(status().waitingErasures),
  );
  add('chat_history_set_aside_turns', 'Turns that the history has refused.', () => status().setAside);
  add('chat_history_lag_seconds', 'Seconds since the end of the oldest turn that waits.', () =>
    Number(status().oldestSeconds),
  );
  return registry;
}

/** Returns whether an `Authorization` header has this token. The comparison takes constant time. */
export function hasToken(authorization: string, token: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(authorization), digest(`Bearer ${token}`));
}
