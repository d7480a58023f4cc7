import { faultInQuery, readyFault } from './faults';
import { generate } from './generate';
import type { Profile } from './frames';
import { isRecord } from './requests';
import type { Reply } from './reply';
import type { HttpAnswer } from './wire';

/** How the emulator handles one POST /chat-messages. */
export type Behaviour =
  | { readonly answer: (profile: Profile) => HttpAnswer | 'no answer'; readonly play?: never }
  | { readonly play: Script; readonly answer?: never };

export type Script = (reply: Reply) => void | Promise<void>;

/** Chooses a behaviour: first the queue, then the standing one, then the fault in the query, then a normal reply. */
export interface Behaviours {
  add(behaviour: Behaviour): void;
  keep(behaviour: Behaviour): void;
  take(body: unknown): Behaviour;
  clear(): void;
}

export function createBehaviours(): Behaviours {
  const queue: Behaviour[] = [];
  let standing: Behaviour | undefined;
  return {
    add: (behaviour) => void queue.push(behaviour),
    keep: (behaviour) => void (standing = behaviour),
    take: (body) => queue.shift() ?? standing ?? askedFor(body) ?? { play: generate },
    clear: () => {
      queue.length = 0;
      standing = undefined;
    },
  };
}

export function toBehaviour(fault: unknown): Behaviour {
  const { kind, params } = readyFault(fault);
  const { answer, play } = kind;
  if (answer) return { answer: (profile) => answer(params, profile) };
  return { play: (reply) => play(reply, params) };
}

/** Finds a fault such as `#fault:stall` in the query. A wrong name gets a reply that lists all names. */
function askedFor(body: unknown): Behaviour | undefined {
  const query = isRecord(body) && typeof body['query'] === 'string' ? body['query'] : '';
  const asked = faultInQuery(query);
  if (!asked) return undefined;
  try {
    return toBehaviour(asked);
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return { play: (reply) => reply.say(text).then(() => reply.end()) };
  }
}
