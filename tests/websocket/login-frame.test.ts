import { PassThrough } from 'node:stream';

import { ChatError } from '../../src/chat';
import { createSocketClient } from '../../src/websocket/client';
import { receiveLogin } from '../../src/websocket/login-frame';
import { settle } from '../chat/support/collect';
import { createGate } from '../support/gate';
import { SlowSocket } from './support/slow-socket';

beforeEach(() => jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] }));
afterEach(() => jest.useRealTimers());

const login = JSON.stringify({ type: 'auth', token: 'of ada' });

/** Creates a client without a login. `check` decides about its login. `heard` holds the frames after the login. */
function harness(check: (token: string) => Promise<void> = async () => undefined) {
  const socket = new SlowSocket();
  const client = createSocketClient({
    socket: socket.asWebSocket(),
    stream: new PassThrough(),
    settings: { messagesPerSecond: 20 },
    stalledAfterMs: 60_000,
    onDropped: () => undefined,
  });
  const tokens: string[] = [];
  const heard: string[] = [];
  receiveLogin(
    client,
    async (token) => {
      tokens.push(token);
      await check(token);
      return (frame) => heard.push(frame);
    },
    (error) => (error instanceof ChatError ? error : new ChatError('internal', { cause: error })),
  );
  const say = (frame: string) => socket.emit('message', Buffer.from(frame), false);
  return { socket, tokens, heard, say };
}

describe('a client that logs in by its first frame', () => {
  it('has its frames received in order after the login, without the login frame', async () => {
    const { opened, open } = createGate();
    const { socket, tokens, heard, say } = harness(() => opened);
    for (const frame of [login, 'one', 'two']) say(frame);
    await settle();
    expect(heard).toEqual([]);
    open();
    await settle();
    for (const frame of ['three', 'four']) say(frame);
    expect(heard).toEqual(['one', 'two', 'three', 'four']);
    expect([tokens, socket.closings]).toEqual([['of ada'], []]);
  });

  it('stays connected even if the login check takes long', async () => {
    const { opened, open } = createGate();
    const { socket, heard, say } = harness(() => opened);
    say(login);
    jest.advanceTimersByTime(60_000);
    open();
    await settle();
    say('hello');
    expect([heard, socket.closings]).toEqual([['hello'], []]);
  });

  it.each([
    [new ChatError('unauthorized'), 4401, 'unauthorized'],
    [new ChatError('forbidden'), 4403, 'forbidden'],
    [new ChatError('session-not-found'), 4404, 'session-not-found'],
    [new ChatError('database-unavailable'), 1013, 'database-unavailable'],
    [new Error('a bug'), 1011, 'internal'],
  ])(
    'is closed if the login check fails with %s, and its frames are ignored',
    async (error, code, reason) => {
      const { socket, heard, say } = harness(() => Promise.reject(error));
      for (const frame of [login, 'one']) say(frame);
      await settle();
      say('two');
      expect(socket.closings).toEqual([[code, reason]]);
      expect(heard).toEqual([]);
    },
  );
});

describe('a client that does not log in by its first frame', () => {
  it.each(['Hello?', '', '{}', '{"type":"auth","token":""}', '{"type":"ask","query":"Who am I?"}'])(
    'but sends %j is closed with 4401, and no token is checked',
    async (frame) => {
      const { socket, tokens, say } = harness();
      say(frame);
      await settle();
      expect([socket.closings, tokens]).toEqual([[[4401, 'unauthorized']], []]);
    },
  );

  it('but sends nothing is closed with 4401 after five seconds', () => {
    const { socket } = harness();
    jest.advanceTimersByTime(4_999);
    expect(socket.closings).toEqual([]);
    jest.advanceTimersByTime(1);
    expect(socket.closings).toEqual([[4401, 'unauthorized']]);
  });

  it('but disconnects leaves no timer', () => {
    harness().socket.end();
    expect(jest.getTimerCount()).toBe(0);
  });
});
