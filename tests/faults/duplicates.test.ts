import { randomUUID } from 'node:crypto';

import { startApp, type App } from '../support/app';
import type { Client } from '../support/client';
import { database } from '../support/database';
import { asking, toTelling } from './support/asking';
import { withoutLimits } from './support/env';
import { createLedger, type Ledger } from './support/ledger';
import { randomFor } from './support/random';
import { openRaw, type RawConnection } from './support/raw-client';
import { classTimeoutMs, report, scale } from './support/scale';
import { sideBySide } from './support/side-by-side';
import { createUpstream, piecesOf, telling, type Upstream } from './support/upstream';

/** Number of questions for each way to send a duplicate. */
const count = scale({ full: 250, smoke: 10 });
const pieces = 20;

describe('question sent twice with one Idempotency-Key', () => {
  let app: App;
  let users: Client[];
  let characterId: string;
  let upstream: Upstream;
  let ledger: Ledger;
  let otherUrl: string;
  let unreplayed = 0;

  beforeAll(async () => {
    app = await startApp({ env: withoutLimits });
    users = await Promise.all(Array.from({ length: 5 }, () => app.createUser()));
    characterId = (await app.admin.createCharacter()).documentId;
    upstream = createUpstream(app.dify);
    ledger = createLedger();
    // Only one process can use a SQLite database.
    otherUrl = database === 'postgres' ? await app.startAnother() : app.url;
  });
  afterAll(() => app.stop());

  const keys = new Map<string, string>();

  /** Sends a question. A second call with the same question sends it again with the same key. */
  async function send(query: string, index: number, url = app.url): Promise<RawConnection> {
    const user = users[index % users.length] ?? app.anonymous;
    const key = keys.get(query) ?? randomUUID();
    keys.set(query, key);
    const pauses = randomFor(query);
    upstream.on(
      query,
      telling(piecesOf(query, pieces), () => pauses.between(0, 5)),
    );
    ledger.asks(query, user);
    const request = asking(user, { character_id: characterId, query }, { 'Idempotency-Key': key });
    const connection = await openRaw(url, request);
    await connection.over;
    ledger.told(query, connection);
    return connection;
  }

  /** Checks that one request created the turn, that all others replayed it, and that each received the whole answer. */
  function compare(query: string, connections: readonly RawConnection[]): void {
    const replayed = connections.filter((one) => one.headers().get('idempotent-replayed') === 'true');
    const areWhole = connections.every((one) => toTelling(one).text === piecesOf(query, pieces).join(''));
    if (replayed.length !== connections.length - 1 || !areWhole) unreplayed += 1;
  }

  it(
    'makes one turn and one Dify call, whether together, later, to another process or after a restart',
    async () => {
      await sideBySide({ count, width: 20 }, async (index) => {
        const query = `Sent together ${index}`;
        compare(query, await Promise.all([send(query, index), send(query, index)]));
      });
      await sideBySide({ count, width: 20 }, async (index) => {
        const query = `Sent again afterwards ${index}`;
        compare(query, [await send(query, index), await send(query, index)]);
      });
      await sideBySide({ count, width: 20 }, async (index) => {
        const query = `Sent to two processes ${index}`;
        compare(query, await Promise.all([send(query, index), send(query, index, otherUrl)]));
      });
      const before = new Map<string, RawConnection>();
      await sideBySide({ count, width: 20 }, async (index) => {
        const query = `Sent again after a restart ${index}`;
        before.set(query, await send(query, index));
      });
      await app.killAndRestart();
      await sideBySide({ count, width: 20 }, async (index) => {
        const query = `Sent again after a restart ${index}`;
        const first = before.get(query);
        if (first !== undefined) compare(query, [first, await send(query, index)]);
      });

      const contradictions = await ledger.check(app.db, upstream);
      const calls = upstream.answers().length;
      report('sent twice', {
        questions: ledger.queries().length,
        sends: ledger.queries().length * 2,
        'double calls of Dify': calls - ledger.queries().length,
        'not joined or replayed whole': unreplayed,
        contradictions: contradictions.length,
      });
      expect(contradictions.slice(0, 5)).toEqual([]);
      expect({ calls, unreplayed }).toEqual({ calls: ledger.queries().length, unreplayed: 0 });
    },
    classTimeoutMs,
  );
});
