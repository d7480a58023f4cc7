import type { Message } from 'character-chat-client';

import type { LiveTurn } from './live-turn';

/** A question that this page has just asked. */
export interface Asked {
  readonly query: string;
  /** The names of its files. */
  readonly files: readonly string[];
  /** The question of which this is another version. */
  readonly root: string | null;
  readonly live: LiveTurn;
}

/** One question with its answer. */
export interface Exchange {
  readonly key: string;
  /** The id of the first version of the question. */
  readonly root: string;
  readonly question: Message | null;
  readonly answer: Message | null;
  /** Set while it is being answered. */
  readonly asked: Asked | null;
}

/** Exchanges with one question, the oldest first. */
export type Versions = readonly Exchange[];

/** Pairs questions with answers, and puts further answers to one question together. The oldest come first. */
export function groupMessages(
  messages: readonly Message[],
  asked: Asked | null,
  liveTurnId: string | null,
): readonly Versions[] {
  const exchanges = toExchanges(messages).map((exchange) =>
    asked !== null && liveTurnId !== null && exchange.key === liveTurnId ? { ...exchange, asked } : exchange,
  );
  if (asked !== null && !exchanges.some((exchange) => exchange.asked !== null)) {
    exchanges.push({
      key: liveTurnId ?? 'asked',
      root: asked.root ?? 'asked',
      question: null,
      answer: null,
      asked,
    });
  }
  const groups: Exchange[][] = [];
  for (const exchange of exchanges) {
    const last = groups.at(-1);
    if (last?.[0]?.root === exchange.root) last.push(exchange);
    else groups.push([exchange]);
  }
  return groups;
}

function toExchanges(messages: readonly Message[]): Exchange[] {
  const found = new Map<string, Exchange>();
  for (const message of messages) {
    const key = message.turn_id ?? message.message_id;
    const before = found.get(key) ?? { key, root: key, question: null, answer: null, asked: null };
    if (message.role === 'user') {
      found.set(key, { ...before, root: message.parent_message_id ?? message.message_id, question: message });
    } else found.set(key, { ...before, answer: message });
  }
  return [...found.values()];
}
