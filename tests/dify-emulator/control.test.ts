import { createDifyEmulator, faultNames, type DifyEmulator } from './index';
import { answerOf, ask, readEvents, readJson } from './test-client';

let dify: DifyEmulator;

beforeEach(async () => {
  dify = await createDifyEmulator().listen();
});

afterEach(() => dify.close());

describe('POST /__emulator/faults', () => {
  it('queues a fault for another process', async () => {
    const body = { next: { name: 'gateway-html', status: 504 } };
    expect(await readJson(dify, '/__emulator/faults', { body })).toMatchObject({ status: 200 });
    expect((await ask(dify)).status).toBe(504);
    await readJson(dify, '/__emulator/faults', { body: { always: 'no-content' } });
    expect((await ask(dify)).status).toBe(204);
    expect((await ask(dify)).status).toBe(204);
  });

  it.each([{ next: 'nonsense' }, { next: { name: 'stall', x: 1 } }, { next: null }, {}, 'nonsense'])(
    'returns an error for %j',
    async (body) => {
      const { status, json } = await readJson(dify, '/__emulator/faults', { body });
      expect(status).toBe(400);
      expect(json).toEqual({ error: expect.any(String) });
    },
  );
});

describe('GET /__emulator/faults', () => {
  it('lists all faults', async () => {
    const { json } = await readJson(dify, '/__emulator/faults');
    expect((json as { name: string }[]).map(({ name }) => name)).toEqual(faultNames);
  });
});

describe('GET /__emulator/requests', () => {
  it('returns requests to Dify, without its own', async () => {
    await (
      await ask(dify)
    ).over;
    const { json } = await readJson(dify, '/__emulator/requests');
    expect(json).toMatchObject([{ method: 'POST', path: '/v1/chat-messages', body: { user: 'ann' } }]);
    expect(dify.requests).toHaveLength(1);
  });
});

describe('POST /__emulator/reset', () => {
  it('clears faults and requests', async () => {
    dify.always('plain-500');
    await (
      await ask(dify)
    ).over;
    await readJson(dify, '/__emulator/reset', { body: {} });
    expect(dify.requests).toEqual([]);
    const healthy = await ask(dify);
    expect(healthy.status).toBe(200);
    await healthy.over;
  });
});

describe('always', () => {
  it('plays a script for every question, after the queued faults', async () => {
    dify.always(async (reply) => {
      await reply.say('by hand');
      await reply.end();
    });
    dify.next('plain-500');
    expect((await ask(dify)).status).toBe(500);
    for (const query of ['One?', 'Two?']) {
      expect(answerOf(await readEvents(await ask(dify, { query })))).toBe('by hand');
    }
  });
});

describe('query that begins with #fault:', () => {
  it('causes the named fault', async () => {
    expect((await ask(dify, { query: '#fault:gateway-html status=503 Hello' })).status).toBe(503);
  });

  it('is answered without the marker', async () => {
    const events = await readEvents(await ask(dify, { query: '#fault:duplicated-end How are you?' }));
    expect(answerOf(events)).toContain('“How are you?”');
  });

  it('gets a list of all faults when the name is wrong', async () => {
    const events = await readEvents(await ask(dify, { query: '#fault:typo' }));
    expect(answerOf(events)).toMatch(/^No fault is called "typo"\. Known faults: split-every-byte, /u);
  });
});
