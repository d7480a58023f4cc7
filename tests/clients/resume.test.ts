import { createClient, textAfter, type TurnEvent } from '../../clients/typescript/src/index';
import { randomFor } from '../faults/support/random';
import { classTimeoutMs, report, scale } from '../faults/support/scale';
import { createUpstream, piecesOf, telling, type Upstream } from '../faults/support/upstream';
import { withoutLimits } from '../faults/support/env';
import { startApp, type App } from '../support/app';
import type { Client } from '../support/client';
import { startCuttingProxy, type Cut } from './support/cutting-proxy';

let app: App;
let users: Client[];
let characterId: string;
let upstream: Upstream;

beforeAll(async () => {
  app = await startApp({ env: withoutLimits });
  users = await Promise.all(Array.from({ length: 5 }, () => app.createUser()));
  characterId = (await app.admin.createCharacter()).documentId;
  upstream = createUpstream(app.dify);
});
afterAll(() => app.stop());

/** Many tries, and short pauses between them. */
const retry = { retries: 1000, firstPauseMs: 1, maxPauseMs: 5 };

/** Asks through the proxy. @returns the events that the client yields. */
async function askBy(url: string, query: string, index: number, silenceMs = 60_000): Promise<TurnEvent[]> {
  const token = users[index % users.length]?.token ?? '';
  const client = createClient({ baseUrl: url, token, retry, silenceMs });
  const events: TurnEvent[] = [];
  for await (const event of client.ask({ character_id: characterId, query })) events.push(event);
  return events;
}

/** Returns how often each question was asked, and its saved answer. */
async function checkQuestion(query: string, events: readonly TurnEvent[]) {
  const rows = await app.db('chat_conversations').where({ query }).select('role', 'answer', 'outcome');
  const saved = rows.find(({ role }) => role === 'assistant');
  return {
    text: events.reduce(textAfter, ''),
    ends: events.filter(({ event }) => event === 'message_end').length,
    rows: rows.length,
    requests: upstream.answers().filter((answer) => answer.query === query).length,
    saved: [saved?.answer, saved?.outcome],
  };
}

const onceAndWhole = (text: string) => ({ text, ends: 1, rows: 2, requests: 1, saved: [text, 'completed'] });

describe('the client behind a proxy that cuts connections at random places', () => {
  const cutsToCome = scale({ full: 1_000, smoke: 60 });
  const pieces = 30;

  it(
    'shows each answer byte for byte, and asks no question twice',
    async () => {
      const random = randomFor('client cuts');
      const nextCut = (): Cut => ({ afterReplyBytes: random.chance(0.1) ? 0 : random.between(1, 9_000) });
      const proxy = await startCuttingProxy(app.url, nextCut);
      const asked: (readonly [query: string, events: readonly TurnEvent[]])[] = [];
      let index = 0;
      const askInTurn = async () => {
        while (proxy.cuts() < cutsToCome) {
          const at = index++;
          const query = `Who is cut off ${at}?`;
          const pauses = randomFor('pauses', at);
          upstream.on(
            query,
            telling(piecesOf(query, pieces), () => pauses.between(0, 4)),
          );
          asked.push([query, await askBy(proxy.url, query, at)]);
        }
      };
      await Promise.all(Array.from({ length: 10 }, askInTurn));
      await proxy.close();

      const wrong: unknown[] = [];
      for (const [query, events] of asked) {
        const found = await checkQuestion(query, events);
        const expected = onceAndWhole(piecesOf(query, pieces).join(''));
        if (JSON.stringify(found) !== JSON.stringify(expected)) wrong.push([query, found]);
      }
      report('clients that resume', {
        cuts: proxy.cuts(),
        questions: asked.length,
        'texts different or questions asked twice': wrong.length,
      });
      expect(wrong.slice(0, 2)).toEqual([]);
      expect(asked.length).toBeGreaterThan(cutsToCome / 20);
    },
    classTimeoutMs,
  );

  it('resumes after a connection that is silent', async () => {
    const query = 'Who is silent?';
    upstream.on(query, telling(piecesOf(query, pieces)));
    let connections = 0;
    const proxy = await startCuttingProxy(app.url, () => {
      connections += 1;
      return { afterReplyBytes: connections === 1 ? 2_000 : Infinity, isStalled: true };
    });
    const events = await askBy(proxy.url, query, 0, 500);
    await proxy.close();

    expect(await checkQuestion(query, events)).toEqual(onceAndWhole(piecesOf(query, pieces).join('')));
    expect(proxy.cuts()).toBe(1);
  });
});
