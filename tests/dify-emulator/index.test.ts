import { createDifyEmulator, type DifyEmulator, type Reply } from './index';
import { answerOf, ask, readEvents, send } from './test-client';

let dify: DifyEmulator;

beforeEach(async () => {
  dify = await createDifyEmulator().listen();
});

afterEach(async () => {
  await dify.close();
  expect(dify.openStreams).toBe(0);
  expect(dify.connections).toBe(0);
});

describe('dify.requests', () => {
  it('records requests to Dify', async () => {
    const next = dify.nextRequest();
    const stream = await ask(dify, { query: 'hi' });
    const request = await next;
    expect(request).toMatchObject({
      method: 'POST',
      path: '/v1/chat-messages',
      body: { query: 'hi', user: 'ann' },
    });
    expect(request.headers['authorization']).toBe(`Bearer ${dify.apiKey}`);
    expect(request.at).toBeInstanceOf(Date);
    expect(dify.requests).toEqual([request]);
    await stream.over;
  });

  it('keeps an invalid JSON body as text', async () => {
    await (
      await send(dify, '/v1/chat-messages', { body: '{oops' })
    ).over;
    expect(dify.requests[0]?.body).toBe('{oops');
  });
});

describe('dify.next', () => {
  it('applies faults in order, then replies normally', async () => {
    dify.next('no-content');
    dify.next({ name: 'gateway-html', status: 503 });
    const statuses = [];
    for (let count = 0; count < 3; count++) {
      const { status, over } = await ask(dify);
      await over;
      statuses.push(status);
    }
    expect(statuses).toEqual([204, 503, 200]);
  });

  it('throws for an unknown fault or parameter', () => {
    expect(() => dify.next('nonsense' as never)).toThrow(
      /No fault is called "nonsense". Known faults: split-every-byte/u,
    );
    expect(() => dify.next({ name: 'stall', afterwards: 1 } as never)).toThrow(/no parameter "afterwards"/u);
    expect(() => dify.next({ name: 'stall', after: 'x' } as never)).toThrow(/must be a number/u);
  });
});

describe('dify.always', () => {
  it('applies a behaviour until reset, after the queued ones', async () => {
    dify.always('plain-500');
    dify.next('no-content');
    expect((await ask(dify)).status).toBe(204);
    expect((await ask(dify)).status).toBe(500);
    expect((await ask(dify)).status).toBe(500);
    dify.reset();
    const healthy = await ask(dify);
    expect(healthy.status).toBe(200);
    await healthy.over;
  });
});

describe('dify.script', () => {
  it('gives the test a reply with the ids that the client sees', async () => {
    let reply: Reply | undefined;
    dify.script(async (given) => {
      reply = given;
      await reply.say('Hel');
      await reply.ping();
      await reply.event({ event: 'agent_log', data: {} });
      await reply.say('lo');
      await reply.end({ total_tokens: 7 });
    });
    const events = await readEvents(await ask(dify));
    expect(events.map(({ event }) => event)).toEqual([
      'message',
      'ping',
      'agent_log',
      'message',
      'message_end',
    ]);
    expect(answerOf(events)).toBe('Hello');
    const ids = {
      task_id: reply?.taskId,
      conversation_id: reply?.conversationId,
      message_id: reply?.messageId,
    };
    expect(events[0]).toMatchObject(ids);
    expect(events[2]).toMatchObject(ids);
    expect(events[4]).toMatchObject({ ...ids, metadata: { usage: { total_tokens: 7 } } });
    expect(dify.messages(reply?.conversationId ?? '')).toMatchObject([{ answer: 'Hello', status: 'normal' }]);
  });

  it('lets the test keep a reply open after the script has returned', async () => {
    const held = new Promise<Reply>((resolve) => dify.script(resolve));
    const asked = ask(dify);
    const reply = await held;
    expect(dify.openStreams).toBe(1);
    await reply.say('later');
    const stream = await asked;
    await stream.until('later');
    await reply.end();
    expect(await stream.over).toBe('ended');
    await dify.idle();
  });

  it('resolves `closed` after the client has left, and ignores later calls', async () => {
    const held = new Promise<Reply>((resolve) => dify.script(resolve));
    const asked = ask(dify);
    const reply = await held;
    await reply.say('Hel');
    (await asked).leave();
    await reply.closed;
    await reply.say('lo');
    await reply.end();
    expect(dify.messages(reply.conversationId)).toMatchObject([
      { answer: '', status: 'normal', error: null },
    ]);
    await dify.idle();
  });

  it.each([
    ['cut', 'ended'],
    ['hangUp', 'broken'],
    ['reset', 'broken'],
  ] as const)('%s: the response is %s, and no answer is saved', async (way, outcome) => {
    dify.script(async (reply) => {
      await reply.say('Hel');
      await reply[way]();
    });
    const stream = await ask(dify);
    expect(await stream.over).toBe(outcome);
    expect(stream.text()).toContain('"answer":"Hel"');
    expect(stream.text()).not.toContain('message_end');
    const [conversation] = dify.conversations();
    expect(dify.messages(conversation?.id ?? '')).toMatchObject([{ answer: '', status: 'normal' }]);
  });

  it('sends an error event without task id, and marks the message as failed', async () => {
    dify.script(async (reply) => {
      await reply.say('Hel');
      await reply.error('completion_request_error', 'overloaded', 400);
    });
    const [, error, ...rest] = await readEvents(await ask(dify));
    expect(error).toMatchObject({
      event: 'error',
      code: 'completion_request_error',
      status: 400,
      message: 'overloaded',
    });
    expect(error).not.toHaveProperty('task_id');
    expect(rest).toEqual([]);
    const [conversation] = dify.conversations();
    expect(dify.messages(conversation?.id ?? '')).toMatchObject([
      { answer: '', status: 'error', error: 'overloaded' },
    ]);
  });

  it('sends raw bytes unchanged', async () => {
    dify.script(async (reply) => {
      await reply.raw('data: {"half":');
      await reply.raw(Buffer.from([0xe4]));
      await reply.cut();
    });
    const stream = await ask(dify);
    await stream.over;
    expect(Buffer.concat(stream.chunks)).toEqual(
      Buffer.concat([Buffer.from('data: {"half":'), Buffer.from([0xe4])]),
    );
  });

  it('resets the connection when the script throws, and close() rejects with its error', async () => {
    dify.script(async (reply) => {
      await reply.say('x');
      throw new Error('a mistake in the test');
    });
    expect(await (await ask(dify)).over).toBe('broken');
    await expect(dify.close()).rejects.toThrow('a mistake in the test');
  });
});

describe('dify.close', () => {
  it('ends a stalled reply immediately', async () => {
    dify.next('stall');
    const stream = await ask(dify);
    await stream.until('"answer"');
    expect(dify.openStreams).toBe(1);
    await dify.close();
    expect(await stream.over).toBe('broken');
  });
});
