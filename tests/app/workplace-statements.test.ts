import type { Core } from '@strapi/strapi';
import type { Knex } from 'knex';

import { createConversations, type Conversations } from '../../src/database/conversations/conversations';
import { fillCharacterLinks } from '../../src/database/characters/links';
import { addOwnFunctions, type SqliteConnection } from '../../src/database/reader/sqlite-functions';
import type { Reader } from '../../src/database/reader/reader';
import { copyTemplate, database, type TestDatabase } from '../support/database';
import { fillMessages } from '../support/fill-messages';
import { toStrapiDatabase } from '../support/strapi-database';

/** `CONVERSATIONS_MESSAGES=1000000` fills as many messages as a large installation has. */
const messages = Number(process.env['CONVERSATIONS_MESSAGES'] ?? 40_000);
const users = 8;
const character = 'character-of-the-fill';

let home: TestDatabase;
let connection: Knex;
let conversations: Conversations;
let userId: number;
let sessionId: string;
let statements: { sql: string; bindings: readonly Knex.Value[]; ms: number }[] = [];

beforeAll(async () => {
  home = await copyTemplate();
  connection = home.connect();
  if (database === 'sqlite') await addFunctions();
  const db: Core.Strapi['db'] = toStrapiDatabase(connection);
  await connection('ai_characters').insert({ document_id: character, name: 'Ada' });
  for (let user = 1; user <= users; user += 1) {
    userId = await createUser(`user${user}`);
    await fillMessages(connection, userId, messages / users, { character, turnsOfSession: 5 });
  }
  sessionId = (await connection('chat_sessions').orderBy('id').first('session_id')).session_id;
  await mark('outcome', 'failed', 100);
  await mark('feedback', 'dislike', 500);
  const links = `update chat_sessions set ai_character_document_id = '${character}' where id % 2 = 0`;
  await connection.raw(links);
  await fillCharacterLinks(db, new AbortController().signal);
  await connection.raw('analyze');
  const reader: Reader = {
    rows: async <Row>(_owner: unknown, select: Knex.QueryBuilder) => (await select) as readonly Row[],
    close: () => Promise.resolve(),
  };
  conversations = createConversations(db, reader);
  const begun = new Map<string, number>();
  connection.on('query', ({ __knexQueryUid: id }) => begun.set(id, performance.now()));
  connection.on('query-response', (_rows, { __knexQueryUid: id, sql, bindings }) => {
    statements.push({ sql, bindings, ms: performance.now() - (begun.get(id) ?? 0) });
  });
}, 600_000);
afterAll(async () => {
  await connection.destroy();
  await home.drop();
});

async function addFunctions(): Promise<void> {
  const client = connection.client as {
    acquireConnection(): Promise<SqliteConnection>;
    releaseConnection(one: SqliteConnection): Promise<void>;
  };
  const only = await client.acquireConnection();
  addOwnFunctions(only);
  await client.releaseConnection(only);
}

async function createUser(username: string): Promise<number> {
  const row = { document_id: `user-${username}`, username, email: `${username}@example.com` };
  const [{ id }] = await connection('up_users').insert(row).returning('id');
  return id;
}

/** Sets a column of every so many answers. */
async function mark(column: string, value: string, every: number): Promise<void> {
  await connection.raw(
    `update chat_conversations set ${column} = '${value}' where role = 'assistant' and id % ${every} = 0`,
  );
}

async function planOf({ sql, bindings }: (typeof statements)[number]): Promise<string> {
  if (database === 'sqlite') {
    const values = bindings.map((value) => (typeof value === 'boolean' ? Number(value) : value));
    const steps: { detail: string }[] = await connection.raw(`explain query plan ${sql}`, values);
    return steps.map(({ detail }) => detail).join('\n');
  }
  const positional = sql.replaceAll(/\$\d+/gu, '?');
  const { rows } = await connection.raw(`explain ${positional}`, [...bindings]);
  return rows.map((row: Record<string, string>) => row['QUERY PLAN']).join('\n');
}

/** Matches a step that reads a whole table of chats. */
const readsAll =
  database === 'sqlite' ? /^SCAN (s|m|t|chat_\w+)$/mu : /Seq Scan on chat_(sessions|conversations)/u;

const firstPage = { adminId: 1, after: null, limit: 26 };
const search = { adminId: 1, before: 2_147_483_647, limit: 25 };
const now = new Date();

describe('the page of conversations reads with at most three statements, all by an index,', () => {
  beforeEach(() => {
    statements = [];
  });

  it.each<[name: string, read: () => Promise<unknown>]>([
    ['its first page', () => conversations.list({ ...firstPage, filter: {} })],
    [
      'a later page',
      () =>
        conversations.list({
          ...firstPage,
          filter: {},
          after: { lastMessageAt: new Date(Date.UTC(2025, 0, 1, 0, 5)), rowId: 300 },
        }),
    ],
    ['a character', () => conversations.list({ ...firstPage, filter: { character } })],
    [
      'a user and a time',
      () =>
        conversations.list({
          ...firstPage,
          filter: { user: { reference: String(userId), key: null }, before: now },
        }),
    ],
    ['failed answers', () => conversations.list({ ...firstPage, filter: { outcome: 'failed' } })],
    ['stopped answers', () => conversations.list({ ...firstPage, filter: { outcome: 'stopped' } })],
    ['pending answers', () => conversations.list({ ...firstPage, filter: { outcome: 'pending' } })],
    ['completed answers', () => conversations.list({ ...firstPage, filter: { outcome: 'completed' } })],
    ['a rating', () => conversations.list({ ...firstPage, filter: { rating: 'dislike' } })],
    [
      'a character and a rating',
      () => conversations.list({ ...firstPage, filter: { character, rating: 'dislike' } }),
    ],
    ['a common text', () => conversations.search({ ...search, filter: {}, text: 'LAMP' })],
    ['a text of no message', () => conversations.search({ ...search, filter: {}, text: 'nowhere' })],
    [
      'a text of a user',
      () =>
        conversations.search({
          ...search,
          filter: { user: { reference: 'user-user1', key: null } },
          text: 'lamp',
        }),
    ],
    [
      'a transcript',
      async () => {
        const session = await conversations.find(sessionId);
        return conversations.listLines(session?.rowId ?? 0, { id: 0, limit: 51 }, { adminId: 1 });
      },
    ],
  ])('for %s', async (name, read) => {
    await read();
    const own = [...statements];
    expect(own.length).toBeLessThanOrEqual(3);
    for (const statement of own) {
      if (process.env['CONVERSATIONS_MESSAGES'] !== undefined)
        process.stdout.write(`${database} · ${name} · ${statement.ms.toFixed(1)} ms\n`);
      // A search reads one window of messages, which can be the whole table.
      if (/contains_lower|strpos/u.test(statement.sql)) continue;
      expect([statement.sql, await planOf(statement)]).toEqual([
        statement.sql,
        expect.not.stringMatching(readsAll),
      ]);
    }
  });
});
