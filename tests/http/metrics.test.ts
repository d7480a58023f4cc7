import { createMetrics, hasToken } from '../../src/http/metrics';
import { createLiveTurns, createTurnLog } from '../../src/chat/stream/live-turns';
import type { HistoryWriter } from '../../src/history/copying/writer';
import type { HistoryStatus } from '../../src/history/copying/status';

type Events = Parameters<typeof createMetrics>[2];
type Watched = Parameters<typeof createMetrics>[0];

function watch(status: Partial<HistoryStatus> | null, events?: Events) {
  const live = createLiveTurns();
  live.add(createTurnLog({ turnId: 'a', sessionId: 's', ownerId: 1, rateLimit: null, maxChars: 10_000 }));
  const whole: HistoryStatus = {
    state: 'ok',
    waiting: 0,
    waitingErasures: 0,
    setAside: 0,
    oldestSeconds: 0,
    problem: null,
    ...status,
  };
  const writer = status === null ? null : ({ status: () => whole } as HistoryWriter);
  return createMetrics(
    { live, queuedTurns: () => 4, turns: { isDraining: () => true } } as unknown as Watched,
    { writer },
    events,
  );
}

async function figures(status: Partial<HistoryStatus> | null, events?: Events): Promise<string[]> {
  const text = await watch(status, events).metrics();
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

describe('the metrics', () => {
  it('contain only the process if no history is configured', async () => {
    expect(await figures(null)).toEqual(['chat_live_turns 1', 'chat_queued_turns 4', 'chat_draining 1']);
  });

  it('contain the state and the lag of the history', async () => {
    expect(
      await figures({ waiting: 12, waitingErasures: 2, setAside: 1, oldestSeconds: 90, problem: 'history' }),
    ).toEqual([
      'chat_live_turns 1',
      'chat_queued_turns 4',
      'chat_draining 1',
      'chat_history_up 0',
      'chat_history_waiting_turns 12',
      'chat_history_waiting_erasures 2',
      'chat_history_set_aside_turns 1',
      'chat_history_lag_seconds 90',
    ]);
    expect(await figures({})).toContain('chat_history_up 1');
  });

  const events = { waiting: () => 3, dropped: () => 2 };

  it("contain the queue of Strapi's events if the server sends them", async () => {
    expect(await figures(null, events)).toEqual([
      'chat_live_turns 1',
      'chat_queued_turns 4',
      'chat_draining 1',
      'chat_strapi_events_waiting 3',
      'chat_strapi_events_dropped_total 2',
    ]);
  });

  it('have a TYPE and a HELP line each', async () => {
    const text = await watch({}, events).metrics();
    const names = (await figures({}, events)).map((line) => line.split(' ')[0] ?? '');
    for (const name of names) {
      expect(text).toContain(`# TYPE ${name} ${name.endsWith('_total') ? 'counter' : 'gauge'}`);
      expect(text).toMatch(new RegExp(`# HELP ${name} \\S`, 'u'));
    }
  });
});

describe('hasToken', () => {
  it.each([
    ['Bearer token-of-the-scraper', true],
    ['Bearer token-of-the-scrape', false],
    ['token-of-the-scraper', false],
    ['bearer token-of-the-scraper', false],
    ['', false],
  ])('for the header %j returns %p', (authorization, isRight) => {
    expect(hasToken(authorization, 'token-of-the-scraper')).toBe(isRight);
  });
});
