import type { DifyEmulator, Reply, Script } from '../../dify-emulator';
import type { UpstreamAnswer } from './checker';
import { createRandom, hash } from './random';

/** Scripts the replies of Dify, and records what it was asked. */
export interface Upstream {
  /** Scripts the reply to a question. Other questions get `defaultPieces` pieces without pauses. */
  on(query: string, play: Script): void;
  /** Returns all questions that Dify was asked, oldest first, with the answers that it finished. */
  answers(): readonly UpstreamAnswer[];
}

const defaultPieces = 5;

export function createUpstream(dify: DifyEmulator): Upstream {
  const plays = new Map<string, Script>();
  const replies: Reply[] = [];
  dify.always(async (reply) => {
    replies.push(reply);
    const { query } = reply.turn.message;
    await (plays.get(query) ?? telling(piecesOf(query, defaultPieces)))(reply);
  });
  return {
    on: (query, play) => void plays.set(query, play),
    answers: () =>
      replies.map(({ turn: { message } }) => ({
        query: message.query,
        // Dify saves an answer right before it sends the final event.
        whole: message.usage === null ? null : message.answer,
      })),
  };
}

/** Returns a script that sends these pieces with a pause after each, and then ends the answer. */
export function telling(pieces: readonly string[], pauseMs: () => number = () => 0): Script {
  return async (reply) => {
    for (const piece of pieces) {
      await reply.say(piece);
      await reply.pause(pauseMs());
    }
    await reply.end();
  };
}

const words = [
  'fog',
  'the light',
  'Möwe',
  '灯塔',
  '🌊',
  '"quoted"',
  'a\nline',
  'back\\slash',
  '\u2028',
] as const;

/** Returns an answer in numbered pieces, so that a lost piece is noticed. They depend only on the question. */
export function piecesOf(query: string, count: number): readonly string[] {
  const random = createRandom(hash(query));
  return Array.from({ length: count }, (_, index) => `${index} ${random.pick(words)} of ${query}; `);
}
