import type { DifyEmulator, Reply, Script } from '../../dify-emulator';
import type { UpstreamAnswer } from './checker';
import { createRandom, hash } from './random';

/** What Dify does with each question, and what it was asked. */
export interface Upstream {
  /** Scripts the reply to this question; one that nobody scripted is answered in `defaultPieces` pieces at once. */
  on(query: string, play: Script): void;
  /** Everything Dify was asked, oldest first, and the answers it came to the end of. */
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
        // Dify saves an answer right before it tells its end.
        whole: message.usage === null ? null : message.answer,
      })),
  };
}

/** A reply of these pieces, with a pause after each, to its end. */
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

/** An answer in pieces. The question alone decides them; they are numbered, so that none can be lost unseen. */
export function piecesOf(query: string, count: number): readonly string[] {
  const random = createRandom(hash(query));
  return Array.from({ length: count }, (_, index) => `${index} ${random.pick(words)} of ${query}; `);
}
