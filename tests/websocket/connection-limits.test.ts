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
  it('gives so many places in all, and each back once', () => {
    const take = createConnectionLimits({ maxPerUser: 5, maxConnections: 2 });
    const place = take(known);
    take(known);
    expect(codeOf(() => take(known))).toBe('server-busy');
    place.release();
    place.release();
    expect(codeOf(() => take(known))).toBe('done');
    expect(codeOf(() => take(known))).toBe('server-busy');
  });

  it('gives each user so many', () => {
    const take = createConnectionLimits({ maxPerUser: 1, maxConnections: 10 });
    const [first, second, other] = [take(known), take(known), take(known)];
    first.claimFor(1);
    expect(codeOf(() => second.claimFor(1))).toBe('too-many-connections');
    expect(codeOf(() => other.claimFor(2))).toBe('done');
    second.release();
    first.release();
    expect(codeOf(() => take(known).claimFor(1))).toBe('done');
  });

  it('gives a tenth to clients who are yet to log in, until they have', () => {
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

  it('loses no place to those who find that tenth taken', () => {
    const take = createConnectionLimits({ maxPerUser: 5, maxConnections: 2 });
    take(anonymous);
    for (let i = 0; i < 5; i += 1) expect(codeOf(() => take(anonymous))).toBe('server-busy');
    expect(codeOf(() => take(known))).toBe('done');
  });

  it('still knows of a user’s others when one of them is closed', () => {
    const take = createConnectionLimits({ maxPerUser: 2, maxConnections: 10 });
    const [first, second] = [take(known), take(known)];
    first.claimFor(1);
    second.claimFor(1);
    first.release();
    expect(codeOf(() => take(known).claimFor(1))).toBe('done');
    expect(codeOf(() => take(known).claimFor(1))).toBe('too-many-connections');
  });

  it('takes none for a user whose connection is closed by then', () => {
    const take = createConnectionLimits({ maxPerUser: 1, maxConnections: 1 });
    const place = take(known);
    place.release();
    place.claimFor(1);
    expect(codeOf(() => take(known).claimFor(1))).toBe('done');
  });
});
