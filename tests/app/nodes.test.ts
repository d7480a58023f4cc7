import { startApp, type App } from '../support/app';
import { createClient, type Client } from '../support/client';
import { createGate } from '../support/gate';
import { connect, refusalOf } from '../support/socket-client';
import { describeWithRedis } from '../support/describe-with-redis';
import { startRedis, type RedisServer } from '../support/start-redis';
import { holdsWithin, until } from '../support/until';

jest.setTimeout(120_000);

/** More than the users of this file, whose registrations count, too. */
const attempts = 12;

describeWithRedis('two processes with one Redis', () => {
  let redis: RedisServer;
  let app: App;
  let otherUrl: string;
  let characterId: string;

  beforeAll(async () => {
    redis = await startRedis();
    app = await startApp({
      env: {
        REDIS_URL: redis.url,
        CHAT_DRAIN_DELAY_SECONDS: '0',
        CHAT_DRAIN_TIMEOUT_SECONDS: '1',
        CHAT_MAX_TURNS_AT_ONCE: '1',
        CHAT_WS_MAX_PER_USER: '1',
        DIFY_ANSWERS_AT_ONCE: '2',
        AUTH_MAX_ATTEMPTS_PER_MINUTE: String(attempts),
      },
    });
    otherUrl = await app.startAnother();
    characterId = (await app.admin.createCharacter()).documentId;
    await until(() => app.output().split('this process works with others').length > 2);
  });
  afterAll(async () => {
    await app.stop();
    await redis.close();
  });

  const at = (url: string, { token, user }: Client) => createClient(url, token, user);
  const codeOf = ({ body }: { readonly body: { error?: { details?: { code?: string } } } }) =>
    body.error?.details?.code;

  /** Asks a question whose answer waits for `goOn`. Settles when it has begun. */
  async function startTurn(user: Client, goesOn: Promise<void>) {
    app.dify.script(async (reply) => {
      await reply.say('one');
      await Promise.race([goesOn, reply.closed]);
      await reply.end();
    });
    const { events } = await user.stream({ character_id: characterId, query: 'One?' });
    await events.next();
    await events.next();
    return events;
  }

  it('count the turns of a user together, and free their places when they end', async () => {
    const user = await app.createUser();
    const { opened, open } = createGate();
    const events = await startTurn(user, opened);
    const refused = await at(otherUrl, user).ask({ character_id: characterId, query: 'Two?' });
    expect([refused.status, codeOf(refused)]).toEqual([429, 'too-many-turns']);
    open();
    while ((await events.next()).done !== true);
    const ask = () => at(otherUrl, user).ask({ character_id: characterId, query: 'Two?' });
    expect(await holdsWithin(10_000, async () => (await ask()).status === 200)).toBe(true);
  });

  it('count the WebSockets of a user together', async () => {
    const user = await app.createUser();
    await user.ask({ character_id: characterId, query: 'A session?' });
    const session = await app.db('chat_sessions').where({ user_id: user.user.id }).first('session_id');
    const path = `/ws/${session?.session_id}`;
    const device = await connect(app.url, path, { token: user.token });
    expect(await refusalOf(connect(otherUrl, path, { token: user.token }))).toMatchObject({ status: 429 });
    await device.leave();
    await until(async () => {
      const again = await connect(otherUrl, path, { token: user.token }).catch(() => null);
      await again?.leave();
      return again !== null;
    }, 10_000);
  });

  it('ask Dify together for no more answers than its bound', async () => {
    const users = [await app.createUser(), await app.createUser(), await app.createUser()] as const;
    const { opened, open } = createGate();
    await startTurn(users[0], opened);
    await startTurn(at(otherUrl, users[1]), opened);
    const before = app.dify.openStreams;
    const { events } = await at(otherUrl, users[2]).stream({ character_id: characterId, query: 'Third?' });
    await events.next();
    expect((await events.next()).value?.data).toMatchObject({ event: 'queued', place: 1 });
    expect([before, app.dify.openStreams]).toEqual([2, 2]);
    open();
    const rest: unknown[] = [];
    for await (const { data } of events) rest.push(data);
    expect(rest.at(-1)).toMatchObject({ event: 'message_end', outcome: 'completed' });
  });

  it('free the places of a process that was killed within five seconds', async () => {
    const user = await app.createUser();
    const doomed = await app.startAnother();
    const { opened, open } = createGate();
    await startTurn(at(doomed, user), opened);
    const ask = () => user.ask({ character_id: characterId, query: 'Free?' });
    expect((await ask()).status).toBe(429);
    await app.signalAnother(doomed, 'SIGKILL');
    const killedMs = performance.now();
    await until(async () => (await ask()).status === 200);
    expect(performance.now() - killedMs).toBeLessThan(5_000);
    open();
  });

  it('count login attempts together, and each alone while Redis is away', async () => {
    const attempt = async (url: string) => {
      const body = { identifier: 'nobody', password: 'Wrong-passw0rd' };
      return (await createClient(url).post('/api/auth/local', body)).status;
    };
    const statuses: number[] = [];
    for (let n = 0; n < 2 * attempts; n += 1) statuses.push(await attempt(n % 2 === 0 ? app.url : otherUrl));
    expect(statuses.filter((status) => status === 400)).toHaveLength(attempts);
    expect(statuses.filter((status) => status === 429)).toHaveLength(attempts);
    await redis.stop();
    await until(() => app.output().split('Redis is away').length > 2);
    expect([await attempt(app.url), await attempt(otherUrl)]).toEqual([400, 400]);
    await redis.start();
  });
});
