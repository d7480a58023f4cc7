import { ChatError, type ChatErrorCode } from '../../src/chat';
import { closeCodeOf, closeSocket } from '../../src/websocket/close';
import { SlowSocket } from './support/slow-socket';

it.each<[ChatErrorCode, number]>([
  ['unauthorized', 4401],
  ['forbidden', 4403],
  ['session-not-found', 4404],
  ['too-many-connections', 4429],
  ['database-unavailable', 1013],
  ['internal', 1011],
])('closeCodeOf for %s returns %d', (code, expected) => {
  expect(closeCodeOf(new ChatError(code))).toBe(expected);
});

describe('closeSocket', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  function harness() {
    const socket = new SlowSocket();
    let cuts = 0;
    const close = () => closeSocket(socket.asWebSocket(), 1001, 'server-stopping', () => (cuts += 1));
    return { socket, close, cuts: () => cuts };
  }

  it('gives the client two seconds to close, and then cuts it', () => {
    const { socket, close, cuts } = harness();
    close();
    expect(socket.closings).toEqual([[1001, 'server-stopping']]);
    jest.advanceTimersByTime(1_999);
    expect(cuts()).toBe(0);
    jest.advanceTimersByTime(1);
    expect(cuts()).toBe(1);
  });

  it('does not cut a client that closes in time', () => {
    const { socket, close, cuts } = harness();
    close();
    socket.end();
    expect(jest.getTimerCount()).toBe(0);
    expect(cuts()).toBe(0);
  });

  it('sends the close frame once', () => {
    const { socket, close } = harness();
    close();
    close();
    expect(socket.closings).toHaveLength(1);
    expect(jest.getTimerCount()).toBe(1);
  });
});
