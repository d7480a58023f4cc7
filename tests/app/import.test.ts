import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';

import { isFull } from '../faults/support/scale';
import { password } from '../support/admin';
import { startApp, type App } from '../support/app';
import { assertNoKeys, canaries } from '../support/canaries';
import { createClient, type Client } from '../support/client';
import { runStrapi } from '../support/strapi-command';
import { until } from '../support/until';

interface Person {
  readonly email: string;
  readonly documentId: string;
  /** Before the import. */
  readonly id: number;
  readonly sessionId: string;
  readonly question: string;
}

const minutes = 60_000;

let folder: string;
let app: App;
let ann: Person;
let bob: Person;
/** The encrypted keys of the character's draft and published row. */
let keys: unknown[];

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'chat-import-'));
  app = await startApp({ env: { MES_SQL_DSN: historyFile('first') } });
  const { documentId } = await app.admin.createCharacter();
  await app.admin.createCharacter({ upstream: 'dify', upstream_key: canaries.characterKey });
  keys = await keysIn(app);
  // The test deletes a user before the export. The import then gives the others new ids: Bob gets Ann's id.
  const gap = await app.createUser();
  ann = await createPerson(documentId, 'How is the sea?');
  bob = await createPerson(documentId, 'How are the hills?');
  await deleteUser(gap);
  await until(async () => (await notCopied(app)) === 0);
  await app.signal('SIGTERM');
  await runOrFail(app, ['export', '--no-encrypt', '--exclude', 'files', '--file', exported]);
}, 3 * minutes);
afterAll(async () => {
  await app.stop();
  await rm(folder, { recursive: true, force: true });
});

const exported = path.join(tmpdir(), `chat-export-${process.pid}-${Date.now()}`);
afterAll(() => rm(`${exported}.tar.gz`, { force: true }));

const historyFile = (name: string) => path.join(folder, `${name}.db`);

async function createPerson(characterId: string, question: string): Promise<Person> {
  const client = await app.createUser();
  const { body } = await client.ask({ character_id: characterId, query: question });
  return { ...client.user, sessionId: body.data[0].session_id, question };
}

async function deleteUser({ user }: Client): Promise<void> {
  const users = '/content-manager/collection-types/plugin::users-permissions.user';
  expect((await app.admin.client.request('DELETE', `${users}/${user.documentId}`)).status).toBe(200);
}

async function notCopied({ db }: App): Promise<number> {
  return (await db('chat_conversations').whereNotNull('history_due')).length;
}

const keysIn = ({ db }: App): Promise<unknown[]> =>
  db('ai_characters').whereNotNull('upstream_key').orderBy('id').pluck('upstream_key');

async function runOrFail(target: App, args: readonly string[]): Promise<void> {
  const { code, output } = await runStrapi(target, args);
  if (code !== 0) throw new Error(`strapi ${args.join(' ')} failed:\n${output}`);
}

const importInto = (target: App, ...options: string[]) =>
  runOrFail(target, ['import', '--force', ...options, '--file', `${exported}.tar.gz`]);

async function logIn(at: App, { email }: Person): Promise<Client> {
  const { body } = await at.anonymous.post('/api/auth/local', { identifier: email, password });
  return createClient(at.url, body.jwt, body.user);
}

/** Expects that each user has their own history under their current id, and nothing of the other user. */
async function expectOwnHistories(at: App): Promise<void> {
  for (const [person, other] of [
    [ann, bob],
    [bob, ann],
  ] as const) {
    const client = await logIn(at, person);
    expect(client.user.documentId).toBe(person.documentId);
    const listed = async () => (await client.get('/api/v1/conversations')).body.conversations;
    await until(async () => (await listed()).length > 0);
    expect(await listed()).toMatchObject([
      { conversation_id: person.sessionId, user_id: client.user.id, title: person.question, records: 1 },
    ]);
    const messages = await client.get(`/api/v1/conversations/${person.sessionId}`);
    expect(messages.body.messages[0].content).toBe(person.question);
    const others = `/api/v1/conversations/${other.sessionId}`;
    expect((await client.get(others)).status).toBe(404);
    expect((await client.request('DELETE', others)).status).toBe(404);
    const { totals, conversations } = (await client.get('/api/v1/stats/conversations')).body;
    expect([totals.records, conversations]).toEqual([1, 1]);
    const own = (await client.myList()).body.data;
    expect(own.map(({ query }: { query: string }) => query)).toEqual([person.question, person.question]);
  }
}

/** Creates another installation with its own database, stops its process, and passes it to `use`. */
async function withInstallation(history: string, use: (other: App) => Promise<void>): Promise<void> {
  const other = await startApp({ env: { MES_SQL_DSN: historyFile(history) } });
  try {
    await other.signal('SIGTERM');
    await use(other);
  } finally {
    await other.stop();
  }
}

/** The databases of the history, and the options of the imports. */
const imports: readonly [history: string, options: readonly string[]][] = [
  ['second', ['--exclude', 'files']],
  ['third', ['--only', 'content']],
];
/** Each import takes seconds. The check has one. */
const itFull = isFull ? it : it.skip;

describe('strapi export', () => {
  it('contains the API keys of characters only encrypted', async () => {
    const text = gunzipSync(await readFile(`${exported}.tar.gz`)).toString();
    expect(keys).toEqual([expect.stringMatching(/^v1:/u), expect.stringMatching(/^v1:/u)]);
    for (const key of keys) expect(text).toContain(key);
    assertNoKeys(text, 'the export');
  });
});

describe('strapi import that gives users new ids', () => {
  it(
    'into the same database keeps the history of each user, and later questions join it',
    async () => {
      await importInto(app, '--exclude', 'files');
      const numbers = await app.db('up_users').whereIn('id', [ann.id, bob.id]).select('document_id', 'id');
      expect(numbers).not.toContainEqual({ document_id: ann.documentId, id: ann.id });
      await app.restart();
      await expectOwnHistories(app);
      expect(await keysIn(app)).toEqual(keys);
      const client = await logIn(app, bob);
      const [{ ai_character: character }] = (await client.myList()).body.data;
      await client.ask({ session_id: bob.sessionId, character_id: character.documentId, query: 'And now?' });
      await until(async () => {
        const { body } = await client.get('/api/v1/conversations');
        return body.conversations[0].records === 2;
      });
      await client.request('DELETE', `/api/v1/conversations/${bob.sessionId}`);
      expect((await client.get('/api/v1/conversations')).body.conversations).toEqual([]);
      expect((await (await logIn(app, ann)).get('/api/v1/conversations')).body.conversations).toHaveLength(1);
      await app.signal('SIGTERM');
    },
    4 * minutes,
  );

  itFull(
    'into a new database copies the turns to its new history, with and without imported settings',
    async () => {
      for (const [history, options] of imports) {
        await withInstallation(history, async (other) => {
          await importInto(other, ...options);
          const [row] = await other.db('up_users').where({ document_id: bob.documentId });
          expect(row.id).toBe(ann.id);
          await other.restart();
          await expectOwnHistories(other);
        });
      }
    },
    6 * minutes,
  );

  itFull(
    'into the same new database a second time keeps the history of each user',
    async () => {
      await withInstallation('first-copy', async (other) => {
        await importInto(other, '--exclude', 'files');
        await other.restart();
        await expectOwnHistories(other);
        await other.signal('SIGTERM');
        // The second import changes the ids again.
        await importInto(other, '--exclude', 'files');
        await other.restart();
        await expectOwnHistories(other);
      });
    },
    6 * minutes,
  );
});
