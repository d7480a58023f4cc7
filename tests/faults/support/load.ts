import type { Script } from '../../dify-emulator';
import type { Client } from '../../support/client';
import { asking, toTelling } from './asking';
import type { Ledger } from './ledger';
import { openRaw } from './raw-client';
import type { Upstream } from './upstream';

export interface LoadOptions {
  readonly url: string;
  readonly users: readonly Client[];
  readonly characterId: string;
  readonly upstream: Upstream;
  readonly ledger: Ledger;
  /** How many ask at once. */
  readonly lanes: number;
  /** Begins every question of this load. */
  readonly name: string;
  /** What Dify does with a question. */
  readonly play: (query: string) => Script;
}

/** Users who ask one question after the other, half of them in the session they have. */
export interface Load {
  /** No further question is asked. @returns once every connection is over. */
  stop(): Promise<void>;
  /** Questions of which nobody was told the end, so far. */
  unended(): readonly string[];
}

/** How long a lane waits after it was refused, as a client that tries again would. */
const pauseMs = 100;

export function startLoad(options: LoadOptions): Load {
  const { url, users, characterId, upstream, ledger, name, play } = options;
  const asked: string[] = [];
  let isOver = false;

  const lane = async (index: number, user: Client) => {
    let sessionId: unknown;
    for (let count = 0; !isOver; count += 1) {
      const query = `${name} ${index}.${count}`;
      asked.push(query);
      upstream.on(query, play(query));
      ledger.asks(query, user);
      const data = { character_id: characterId, query, ...(index % 2 === 0 && { session_id: sessionId }) };
      const connection = await openRaw(url, asking(user, data));
      await connection.over;
      ledger.told(query, connection);
      const { terminals } = toTelling(connection);
      // A session whose turn has not ended takes no question.
      sessionId = terminals.length > 0 ? connection.frames()[0]?.data.session_id : undefined;
      if (terminals.length === 0 && !isOver) await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  };
  const lanes = Array.from({ length: options.lanes }, (_, index) => {
    const user = users[index % users.length];
    return user === undefined ? Promise.resolve() : lane(index, user);
  });
  return {
    async stop() {
      isOver = true;
      await Promise.all(lanes);
    },
    unended: () =>
      asked.filter((query) => ledger.tellings(query).every(({ terminals }) => terminals.length === 0)),
  };
}
