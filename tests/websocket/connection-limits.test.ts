import { ChatError } from '../../src/chat';
import { createConnectionLimits } from '../../src/websocket/connection-limits';

const codeOf = (run: () => unknown): unknown => {
  try {
    run();
    return 'done';
  } catch (error) {
    return error instanceof ChatError ? error.code : error;
  }
};

const known = { isAnonymous: false };
const anonymous = { isAnonymous: true };

describe('createConnectionLimits', () => {
  it('limits the number of all connections, and frees each place once', () => {
    const take = createConnectionLimits({ maxPerUser: 5, maxConnections: 2 });
    const place = take(known);
    take(known);
    expect(codeOf(() => take(known))).toBe('server-busy');
    place.release();
    place.release();
    expect(codeOf(() => take(known))).toBe('done');
    expect(codeOf(() => take(known))).toBe('server-busy');
  });

  it('limits the number of connections of one user', () => {
    const take = createConnectionLimits({ maxPerUser: 1, maxConnections: 10 });
    const [first, second, other] = [take(known), take(known), take(known)];
    first.claimFor(1);
    expect(codeOf(() => second.claimFor(1))).toBe('too-many-connections');
    expect(codeOf(() => other.claimFor(2))).toBe('done');
    second.release();
    first.release();
    expect(codeOf(() => take(known).claimFor(1))).toBe('done');
  });

  it('limits clients without a login to a tenth of all places, until they log in', () => {
    const take = createConnectionLimits({ maxPerUser: 5, maxConnections: 20 });
    const [first, second] = [take(anonymous), take(anonymous)];
    expect(codeOf(() => take(anonymous))).toBe('server-busy');
    expect(codeOf(() => take(known))).toBe('done');
    first.claimFor(1);
    take(anonymous);
    expect(codeOf(() => take(anonymous))).toBe('server-busy');
    second.release();
    expect(codeOf(() => take(anonymous))).toBe('done');
  });

  it('loses no place to rejected clients without a login', () => {
    const take = createConnectionLimits({ maxPerUser: 5, maxConnections: 2 });
    take(anonymous);
    for (let i = 0; i < 5; i += 1) expect(codeOf(() => take(anonymous))).toBe('server-busy');
    expect(codeOf(() => take(known))).toBe('done');
  });

  it('still counts the other connections of a user after one closes', () => {
    const take = createConnectionLimits({ maxPerUser: 2, maxConnections: 10 });
    const [first, second] = [take(known), take(known)];
    first.claimFor(1);
    second.claimFor(1);
    first.release();
    expect(codeOf(() => take(known).claimFor(1))).toBe('done');
    expect(codeOf(() => take(known).claimFor(1))).toBe('too-many-connections');
  });

  it('takes no place for a user whose connection is already closed', () => {
    const take = createConnectionLimits({ maxPerUser: 1, maxConnections: 1 });
    const place = take(known);
    place.release();
    place.claimFor(1);
    expect(codeOf(() => take(known).claimFor(1))).toBe('done');
  });
});
