import { ChatError } from '../../src/chat';
import { createConnectionLimits } from '../../src/websocket/connection-limits';

const codeOf = async (run: () => unknown): Promise<unknown> => {
  try {
    await run();
    return 'done';
  } catch (error) {
    return error instanceof ChatError ? error.code : error;
  }
};

const known = { isAnonymous: false };
const anonymous = { isAnonymous: true };

describe('createConnectionLimits', () => {
  it('limits the number of all connections, and frees each place once', async () => {
    const take = createConnectionLimits({ maxPerUser: 5, maxConnections: 2 });
    const place = take(known);
    take(known);
    expect(await codeOf(() => take(known))).toBe('server-busy');
    place.release();
    place.release();
    expect(await codeOf(() => take(known))).toBe('done');
    expect(await codeOf(() => take(known))).toBe('server-busy');
  });

  it('limits the number of connections of one user', async () => {
    const take = createConnectionLimits({ maxPerUser: 1, maxConnections: 10 });
    const [first, second, other] = [take(known), take(known), take(known)];
    await first.claimFor(1);
    expect(await codeOf(() => second.claimFor(1))).toBe('too-many-connections');
    expect(await codeOf(() => other.claimFor(2))).toBe('done');
    second.release();
    first.release();
    expect(await codeOf(() => take(known).claimFor(1))).toBe('done');
  });

  it('limits clients without a login to a tenth of all places, until they log in', async () => {
    const take = createConnectionLimits({ maxPerUser: 5, maxConnections: 20 });
    const [first, second] = [take(anonymous), take(anonymous)];
    expect(await codeOf(() => take(anonymous))).toBe('server-busy');
    expect(await codeOf(() => take(known))).toBe('done');
    await first.claimFor(1);
    take(anonymous);
    expect(await codeOf(() => take(anonymous))).toBe('server-busy');
    second.release();
    expect(await codeOf(() => take(anonymous))).toBe('done');
  });

  it('loses no place to rejected clients without a login', async () => {
    const take = createConnectionLimits({ maxPerUser: 5, maxConnections: 2 });
    take(anonymous);
    for (let i = 0; i < 5; i += 1) expect(await codeOf(() => take(anonymous))).toBe('server-busy');
    expect(await codeOf(() => take(known))).toBe('done');
  });

  it('still counts the other connections of a user after one closes', async () => {
    const take = createConnectionLimits({ maxPerUser: 2, maxConnections: 10 });
    const [first, second] = [take(known), take(known)];
    await first.claimFor(1);
    await second.claimFor(1);
    first.release();
    expect(await codeOf(() => take(known).claimFor(1))).toBe('done');
    expect(await codeOf(() => take(known).claimFor(1))).toBe('too-many-connections');
  });

  it('takes no place for a user whose connection is already closed', async () => {
    const take = createConnectionLimits({ maxPerUser: 1, maxConnections: 1 });
    const place = take(known);
    place.release();
    await place.claimFor(1);
    expect(await codeOf(() => take(known).claimFor(1))).toBe('done');
  });
});
