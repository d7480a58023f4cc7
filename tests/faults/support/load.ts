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
  /** Number of questions at the same time. */
  readonly lanes: number;
  /** Prefix of every question of this load. */
  readonly name: string;
  /** Returns the Dify script for a question. */
  readonly play: (query: string) => Script;
}

/** Users who ask one question after the other. Half of them continue their session. */
export interface Load {
  /** Asks no further question. @returns after every connection has ended. */
  stop(): Promise<void>;
  /** Questions without a terminal event so far. */
  unended(): readonly string[];
}

/** How long a lane waits after a refusal, as a retrying client would. */
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
      // A session refuses questions while its turn is running.
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
