import { readFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';

import jwt from 'jsonwebtoken';

import { password } from '../support/admin';
import { startApp, type App, type AppOptions } from '../support/app';
import { createClient, type Client } from '../support/client';
import { until } from '../support/until';
import { idempotencyKey, secrets, type Fixture } from './fixture';
import { observe, type Observed } from './observe';

export interface UpgradeOptions {
  /** Holds the databases of the fixture and one `fixture.json.gz`. */
  readonly folder: string;
  /** Fills the databases from the fixture. */
  readonly openDatabases: AppOptions['prepare'];
  readonly historyEnv?: () => Readonly<Record<string, string>>;
}

const dayMs = 86_400_000;

type User = Fixture['users'][number];

/** Tests that this release opens the databases of an earlier release without loss. */
export function describeUpgrade({ folder, openDatabases, historyEnv }: UpgradeOptions): void {
  const fixture = readFixture(folder);
  let app: App;

  beforeAll(async () => {
    app = await startApp({
      env: secrets,
      ...(openDatabases && { prepare: openDatabases }),
      ...(historyEnv && { difyEnv: historyEnv }),
    });
  });
  afterAll(() => app.stop());

  it('starts without an error and finds every row', async () => {
    expect(app.output()).not.toMatch(/ error: /u);
    for (const [table, count] of Object.entries(fixture.rows)) {
      const [row] = await app.db(table).count({ count: '*' });
      expect([table, Number(row?.['count'])]).toEqual([table, count]);
    }
  });

  it.each(fixture.users.map((user) => [user.username, user] as const))(
    'lets %s log in by username and by email, and returns everything that they saw before',
    async (username, user) => {
      const byName = await logIn(username);
      const byAddress = await logIn(user.email);
      expect([byName.user, byAddress.user]).toMatchObject([{ id: user.id }, { id: user.id }]);
      expect(await observedBy(byName)).toMatchObject(readable(fixture.observed[username]));
    },
  );

  it('accepts user tokens of the earlier release', async () => {
    for (const user of fixture.users) {
      await prolongSession(user);
      const client = createClient(app.url, resign(user.jwt), user);
      expect((await client.get('/api/users/me')).body).toMatchObject({ documentId: user.documentId });
      const refreshToken = resign(user.refreshToken);
      const refreshed = await app.anonymous.post('/api/auth/refresh', { refreshToken });
      expect([user.username, refreshed.status]).toEqual([user.username, 200]);
    }
  });

  it('accepts an API token of the earlier release', async () => {
    const reader = createClient(app.url, fixture.readOnlyKey);
    const { status, body } = await reader.get('/api/ai-characters');
    expect([status, body.data.length]).toEqual([200, 2]);
  });

  it.each(['admin', 'editor', 'author'])('lets the %s log in to the admin panel', async (name) => {
    const account = { email: `${name}@example.com`, password };
    expect((await app.anonymous.post('/admin/login', account)).status).toBe(200);
  });

  it.each([
    ['admin', 200],
    ['editor', 403],
    ['author', 403],
  ])('replies to the %s who lists chats in the admin panel with %i', async (name, status) => {
    const account = { email: `${name}@example.com`, password };
    const { body } = await app.anonymous.post('/admin/login', account);
    const client = createClient(app.url, String(body.data.token));
    const list = (uid: string) => client.get(`/content-manager/collection-types/${uid}?fields[0]=createdAt`);
    expect((await list('api::chat-conversation.chat-conversation')).status).toBe(status);
    expect((await list('api::chat-session.chat-session')).status).toBe(status);
    expect((await list('api::ai-character.ai-character')).status).toBe(200);
  });

  it('lets only the Super Admin use the fields of a character that are new', async () => {
    const fieldsOf = async (code: 'strapi-super-admin' | 'strapi-editor' | 'strapi-author') =>
      (await app.admin.permissionsOf(await app.admin.findRole(code)))
        .filter(({ subject }) => subject === 'api::ai-character.ai-character')
        .flatMap(({ properties }) => properties?.fields ?? []);
    expect(await fieldsOf('strapi-super-admin')).toContain('upstream_key');
    for (const code of ['strapi-editor', 'strapi-author'] as const) {
      expect(await fieldsOf(code)).toContain('name');
      expect(await fieldsOf(code)).not.toContain('upstream_key');
    }
  });

  it('replays a question that the earlier release saved with an idempotency key', async () => {
    const ann = await logIn('ann');
    const [sent] = (await ann.myList('?filters[query]=Sent once&sort=id')).body.data;
    const again = await ann.request('POST', '/api/chat-conversations/create-message', {
      body: { data: { character_id: sent.ai_character.documentId, query: 'Sent once' } },
      headers: { 'Idempotency-Key': idempotencyKey },
    });
    expect([again.status, again.headers.get('idempotent-replayed')]).toEqual([200, 'true']);
    expect(again.body.data[0]).toMatchObject({ id: sent.id, turn_id: sent.turn_id });
  });

  it('accepts character ids of the earlier release in questions', async () => {
    const ann = await logIn('ann');
    const characters = (await ann.get('/api/ai-characters')).body.data as {
      id: number;
      documentId: string;
    }[];
    for (const { id, documentId } of characters) {
      const { status, body } = await ann.ask({ character_id: id, query: 'Are you still there?' });
      expect([status, body.data[0].ai_character]).toMatchObject([200, { id, documentId }]);
    }
  });

  it('keeps the trial of a character of the earlier release', async () => {
    const [{ documentId }] = (await (await logIn('ann')).get('/api/ai-characters')).body.data;
    const trial = { trialId: 'trial-of-upgrade', documentId, side: 'published', query: 'Who are you?' };
    const tried = await fetch(`${app.url}/admin/character-chat/trials`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${app.admin.client.token}`, 'Content-Type': 'application/json' },
      body: JSON.stringify(trial),
    });
    expect(await tried.text()).toContain('"outcome":"completed"');
    const { body } = await app.admin.client.get(`/admin/character-chat/trials?documentId=${documentId}`);
    expect(body.data).toMatchObject([{ query: 'Who are you?', version: 1, outcome: 'completed' }]);
  });

  it('ends the turn that was running, and frees its session', async () => {
    const { username, turn_id, session_id } = fixture.pending;
    const user = await logIn(username);
    const turn = () => user.get(`/api/chat-conversations/turns/${turn_id}`);
    await until(async () => (await turn()).body.data.outcome !== 'pending');
    expect((await turn()).body.data).toMatchObject({ outcome: 'interrupted' });
    const [character] = (await user.get('/api/ai-characters')).body.data;
    const next = await user.ask({ session_id, character_id: character.documentId, query: 'And now?' });
    expect(next.body.error?.details?.code).not.toBe('turn-in-progress');
  });

  async function logIn(identifier: string): Promise<Client> {
    const { status, body } = await app.anonymous.post('/api/auth/local', { identifier, password });
    expect([identifier, status]).toEqual([identifier, 200]);
    return createClient(app.url, body.jwt, body.user);
  }

  /** Retries for 15 seconds, because the history may be migrated in the background. */
  async function observedBy(user: Client) {
    let seen = await observe(user, fixture.day);
    await until(async () => {
      seen = await observe(user, fixture.day);
      return isPartOf(readable(fixture.observed[user.user.username]), readable(seen));
    }, 15_000).catch(() => undefined);
    return readable(seen);
  }

  /** Extends a session of the fixture, because it has expired by now. */
  async function prolongSession({ jwt: token }: User): Promise<void> {
    const { sessionId } = jwt.decode(token) as { sessionId: string };
    const later = new Date(Date.now() + dayMs);
    const session = app.db('strapi_sessions').where({ session_id: sessionId });
    expect(await session.update({ expires_at: later, absolute_expires_at: later })).toBe(1);
  }
}

/** Parses the export, whose lines can have keys that are new. */
function readable(observed: Observed = {}): Observed {
  const lines = String(observed['/api/chat/export']).trim().split('\n');
  return { ...observed, '/api/chat/export': lines.map((line) => JSON.parse(line) as unknown) };
}

/** Returns whether a reply has everything of an earlier one. It can have keys that are new. */
function isPartOf(earlier: unknown, now: unknown): boolean {
  if (typeof earlier !== 'object' || earlier === null) return Object.is(earlier, now);
  if (typeof now !== 'object' || now === null || Array.isArray(earlier) !== Array.isArray(now)) return false;
  if (Array.isArray(earlier) && earlier.length !== (now as readonly unknown[]).length) return false;
  return Object.entries(earlier).every(([key, value]) =>
    isPartOf(value, (now as Readonly<Record<string, unknown>>)[key]),
  );
}

function readFixture(folder: string): Fixture {
  return JSON.parse(gunzipSync(readFileSync(path.join(folder, 'fixture.json.gz'))).toString()) as Fixture;
}

function resign(token: string): string {
  const claims = jwt.verify(token, secrets.JWT_SECRET, { ignoreExpiration: true }) as object;
  return jwt.sign({ ...claims, exp: Math.floor(Date.now() / 1000) + 600 }, secrets.JWT_SECRET);
}
