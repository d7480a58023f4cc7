import { startApp, type App } from '../support/app';
import type { Client } from '../support/client';
import { database } from '../support/database';

let app: App;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.stop());

interface Index {
  readonly name: string;
  readonly columns: string[];
  readonly unique: boolean;
}

async function indexesOf(table: string): Promise<Index[]> {
  return database === 'sqlite' ? sqliteIndexes(table) : postgresIndexes(table);
}

async function sqliteIndexes(table: string): Promise<Index[]> {
  const list: { name: string; unique: number }[] = await app.db.raw(`pragma index_list(${table})`);
  return Promise.all(
    list.map(async ({ name, unique }) => {
      const columns: { name: string }[] = await app.db.raw(`pragma index_info(${name})`);
      return { name, columns: columns.map((column) => column.name), unique: unique === 1 };
    }),
  );
}

async function postgresIndexes(table: string): Promise<Index[]> {
  const { rows } = await app.db.raw(
    `select i.relname as name, x.indisunique as unique,
            array(select a.attname::text from unnest(x.indkey) with ordinality k(n, o)
                  join pg_attribute a on a.attrelid = x.indrelid and a.attnum = k.n order by k.o) as columns
     from pg_index x join pg_class i on i.oid = x.indexrelid join pg_class t on t.oid = x.indrelid
     where t.relname = ?`,
    [table],
  );
  return rows as Index[];
}

const isFalse = database === 'sqlite' ? '0' : 'false';

/** Inserts messages of the users in turn. Each is as long as a real message, and every tenth is deleted. */
async function addMessages(userIds: readonly number[], ofEach: number): Promise<void> {
  await app.db.raw(
    `with recursive n(i) as (select 1 union all select i + 1 from n where i < ${ofEach})
     insert into chat_conversations (message_id, role, query, user_id, is_deleted, created_at)
     select 'line_' || u.id || '_' || n.i, 'user', :query, u.id, n.i % 10 = 0, :now
     from n cross join up_users u where u.id in (${userIds.join(', ')}) order by n.i`,
    { query: 'What do you do when the fog will not lift? '.repeat(10), now: new Date() },
  );
}

/** Returns the query plan of a statement as text. */
async function planOf(sql: string): Promise<string> {
  if (database === 'sqlite') {
    const steps: { detail: string }[] = await app.db.raw(`explain query plan ${sql}`);
    return steps.map(({ detail }) => detail).join('\n');
  }
  const { rows } = await app.db.raw(`explain ${sql}`);
  return rows.map((row: Record<string, string>) => row['QUERY PLAN']).join('\n');
}

describe('the database', () => {
  it.each<[table: string, columns: string[], unique: boolean]>([
    ['chat_conversations', ['message_id'], true],
    ['chat_conversations', ['user_id', 'is_deleted', 'created_at', 'id'], false],
    ['chat_conversations', ['session_id', 'id'], false],
    ['chat_conversations', ['user_id', 'id'], false],
    ['chat_conversations', ['deleted_at'], false],
    ['chat_sessions', ['deleted_at'], false],
    ['chat_conversations', ['user_id', 'idempotency_key'], true],
    ['chat_conversations', ['turn_id'], false],
    ['chat_conversations', ['user_id', 'conversation_id', 'is_deleted', 'created_at', 'id'], false],
    ['chat_conversations', ['user_id', 'session_id', 'is_deleted', 'created_at', 'id'], false],
    ['chat_conversations', ['user_id', 'ai_character_document_id', 'is_deleted', 'created_at', 'id'], false],
    ['ai_characters', ['numeric_id'], false],
    ['chat_conversations', ['history_due', 'ended_at'], false],
    ['chat_sessions', ['session_id'], true],
    ['chat_sessions', ['user_id', 'is_deleted', 'last_message_at', 'id'], false],
    ['chat_sessions', ['conversation_id'], false],
    ['chat_sessions', ['is_deleted', 'last_message_at', 'id'], false],
    ['chat_sessions', ['ai_character_document_id', 'is_deleted', 'last_message_at', 'id'], false],
    ['chat_conversations', ['outcome', 'session_id', 'is_deleted'], false],
    ['chat_conversations', ['feedback', 'session_id', 'is_deleted'], false],
    ['chat_sessions', ['live_turn_id'], true],
    ['chat_sessions', ['user_id', 'chat_name'], true],
  ])('has for %s an index on %p (unique: %p)', async (table, columns, unique) => {
    expect(await indexesOf(table)).toContainEqual(expect.objectContaining({ columns, unique }));
  });

  it('counts and lists the messages of a user by one index and without sorting', async () => {
    const users = [await app.createUser(), await app.createUser(), await app.createUser()];
    const ids = users.map(({ user }) => user.id);
    await addMessages(ids, 10_000);
    if (database === 'postgres') await app.db.raw('vacuum analyze chat_conversations');
    const own = `from chat_conversations m where m.user_id = ${ids[0]} and m.is_deleted = ${isFalse}`;

    const count = await planOf(`select count(m.id) ${own}`);
    expect(count).toMatch(/(covering index|index only scan using) chat_conversations_user_recent_idx/iu);
    const page = await planOf(`select * ${own} order by m.created_at desc, m.id desc limit 20`);
    expect(page).toMatch(/index (scan backward using )?chat_conversations_user_recent_idx/iu);
    expect(page).not.toMatch(/sort|temp b-tree/iu);
    const pending = await planOf(
      "select held_by from chat_conversations where outcome = 'pending' and role = 'assistant' group by held_by",
    );
    expect(pending).toMatch(/index (scan using )?chat_conversations_pending_idx/iu);
    await app.db('chat_conversations').whereIn('user_id', ids).delete();
  });

  it.each([
    ['chat_conversations', ['user_id', 'ai_character_document_id', 'session_id']],
    ['chat_sessions', ['user_id', 'ai_character_document_id']],
  ])('keeps the relations of %s in its own columns', async (table, columns) => {
    for (const column of columns) expect(await app.db.schema.hasColumn(table, column)).toBe(true);
    for (const name of ['user', 'ai_character', 'session']) {
      expect(await app.db.schema.hasTable(`${table}_${name}_lnk`)).toBe(false);
    }
  });

  it('uses WAL mode on SQLite', async () => {
    if (database !== 'sqlite') return;
    expect(await app.db.raw('pragma journal_mode')).toEqual([{ journal_mode: 'wal' }]);
  });
});

/** The path of messages in the Content Manager. */
const messages = '/content-manager/collection-types/api::chat-conversation.chat-conversation';

describe('the admin panel', () => {
  const configuration = async (uid: string) =>
    (await app.admin.client.get(`/content-manager/content-types/${uid}/configuration`)).body.data.contentType;

  it('has readable labels and descriptions', async () => {
    const { metadatas, settings } = await configuration('api::ai-character.ai-character');
    expect(settings.mainField).toBe('name');
    expect(metadatas.prompt.edit).toMatchObject({ label: 'Prompt', editable: true });
    expect(metadatas.prompt.edit.description).toContain('Sent with every question');
    expect(metadatas.introduce.list.label).toBe('Introduction');
  });

  it('shows at the end of the form who answers for a character', async () => {
    const { layouts, metadatas } = await configuration('api::ai-character.ai-character');
    const names = layouts.edit.flat().map(({ name }: { name: string }) => name);
    const ofUpstream = ['upstream', 'upstream_app_id', 'upstream_key', 'model_provider', 'model'];
    expect(names.slice(-7)).toEqual([...ofUpstream, 'model_parameters', 'inputs']);
    expect(metadatas.upstream_key.edit).toMatchObject({
      label: 'API key',
      description: expect.stringContaining('A saved key shows as ********'),
    });
  });

  it('shows messages read-only, with their character, user and session', async () => {
    const user = await app.createUser();
    const { documentId } = await app.admin.createCharacter({ name: 'Ada' });
    const [, answer] = (await user.ask({ character_id: documentId, query: 'Hi' })).body.data;
    const relation = async (field: string) =>
      (
        await app.admin.client.get(
          `/content-manager/relations/api::chat-conversation.chat-conversation/${answer.documentId}/${field}`,
        )
      ).body.results;

    const entry = await app.admin.client.get(`${messages}/${answer.documentId}`);
    expect(entry.body.data).toMatchObject({
      message_id: answer.message_id,
      answer: answer.answer,
      outcome: 'completed',
    });
    expect(await relation('ai_character')).toEqual([expect.objectContaining({ documentId, name: 'Ada' })]);
    expect(await relation('user')).toEqual([expect.objectContaining({ username: user.user.username })]);
    expect(await relation('session')).toEqual([expect.objectContaining({ title: 'Hi' })]);

    const list = await app.admin.client.get(`${messages}?page=1&pageSize=10&sort=createdAt:DESC`);
    expect(list.body.results).toHaveLength(2);
    for (const message of list.body.results)
      expect(message.ai_character).toMatchObject({ documentId, name: 'Ada' });
    const { metadatas } = await configuration('api::chat-conversation.chat-conversation');
    for (const field of ['query', 'answer', 'user', 'message_id'])
      expect(metadatas[field].edit.editable).toBe(false);
    const created = await app.admin.client.request('POST', messages, {
      body: { query: 'x', message_id: 'x' },
    });
    expect(created.status).toBe(403);
    const edited = await app.admin.client.request('PUT', `${messages}/${answer.documentId}`, {
      body: { answer: 'forged' },
    });
    expect(edited.status).toBe(403);
    expect((await app.admin.client.get(`${messages}/${answer.documentId}`)).body.data.answer).toBe(
      answer.answer,
    );
  });

  it('deletes a message', async () => {
    const user = await app.createUser();
    const { documentId } = await app.admin.createCharacter();
    const [, answer] = (await user.ask({ character_id: documentId, query: 'Hi' })).body.data;
    const path = `${messages}/${answer.documentId}`;
    expect((await app.admin.client.request('DELETE', path)).status).toBe(200);
    expect((await user.myList()).body.meta.pagination.total).toBe(1);
  });

  it('deletes a question also from the row of its answer, and an answer also from its question', async () => {
    const user = await app.createUser();
    const { documentId } = await app.admin.createCharacter();
    const ask = async (query: string) => (await user.ask({ character_id: documentId, query })).body.data;
    const [question] = await ask('My secret');
    const [, answer] = await ask('Your secret');
    for (const line of [question, answer]) {
      await app.admin.client.request('DELETE', `${messages}/${line.documentId}`);
      const turn = await user.get(`/api/chat-conversations/turns/${line.turn_id}`);
      const stream = await user.get(`/api/chat-conversations/turns/${line.turn_id}/stream`);
      expect([turn.status, stream.status]).toEqual([404, 404]);
    }
    const { data, meta } = (await user.myList('?sort=createdAt:asc')).body;
    expect(meta.pagination.total).toBe(2);
    expect(data).toMatchObject([
      { role: 'assistant', query: '', turn_id: question.turn_id },
      { role: 'user', query: 'Your secret', answer: null, turn_id: answer.turn_id },
    ]);
  });

  it('deletes several messages, and updates the message count of their session', async () => {
    const user = await app.createUser();
    const { documentId } = await app.admin.createCharacter();
    const [{ session_id }] = (await user.ask({ character_id: documentId, query: 'Hi' })).body.data;
    const again = (await user.ask({ character_id: documentId, query: 'And?', session_id })).body.data;
    const lines = () => user.get(`/api/chat/sessions/${session_id}/messages`);
    expect((await lines()).body.data.total).toBe(4);

    const documentIds = again.map((line: { documentId: string }) => line.documentId);
    const deleted = await app.admin.client.post(`${messages}/actions/bulkDelete`, { documentIds });
    expect(deleted.status).toBe(200);
    const { total, items } = (await lines()).body.data;
    expect([total, items.length]).toEqual([2, 2]);
    const { message_count } = (await user.get(`/aichat/sessions/${session_id}`)).body.data;
    expect(message_count).toBe(2);
  });
});

describe('an entry that is saved with an API token', () => {
  let headers: Readonly<Record<string, string>>;
  beforeAll(async () => {
    const token = await app.admin.client.post('/admin/api-tokens', {
      name: 'import',
      description: '',
      type: 'full-access',
      lifespan: null,
    });
    headers = { Authorization: `Bearer ${token.body.data.accessKey}` };
  });
  const save = (method: string, path: string, data: object) =>
    app.anonymous.request(method, path, { headers, body: { data } });

  it('accepts every form of character id, and keeps the character when it is published again', async () => {
    const user = await app.createUser();
    const { documentId, id } = await app.admin.createCharacter({ name: 'Ada' });
    const references = [
      documentId,
      id,
      String(id),
      [documentId],
      { id },
      { set: [documentId] },
      { connect: [{ documentId }] },
    ];
    for (const [index, ai_character] of references.entries()) {
      const message = { message_id: `imported ${index}`, role: 'user', query: 'Hi', user: user.user.id };
      const { status } = await save('POST', '/api/chat-conversations', { ...message, ai_character });
      expect([ai_character, status]).toEqual([ai_character, 201]);
    }
    await app.admin.publish(documentId, { name: 'Ada', prompt: 'You are Ada, still.' });

    const { data } = (await user.myList()).body;
    expect(data).toHaveLength(references.length);
    for (const { ai_character } of data) expect(ai_character).toMatchObject({ documentId, name: 'Ada' });
  });

  it('can change, remove or keep its character', async () => {
    const user = await app.createUser();
    const [ada, lin] = [await app.admin.createCharacter(), await app.admin.createCharacter({ name: 'Lin' })];
    const { body } = await save('POST', '/api/chat-sessions', {
      session_id: 'imported',
      user: user.user.id,
      ai_character: ada.documentId,
    });
    const path = `/api/chat-sessions/${body.data.documentId}`;
    const linkAfter = async (data: object) => {
      expect((await save('PUT', path, data)).status).toBe(200);
      const row = await app.db('chat_sessions').where({ session_id: 'imported' }).first();
      return row.ai_character_document_id;
    };
    expect(await linkAfter({ title: 'Renamed' })).toBe(ada.documentId);
    expect(await linkAfter({ ai_character: { connect: [], disconnect: [] } })).toBe(ada.documentId);
    expect(await linkAfter({ ai_character: lin.id })).toBe(lin.documentId);
    expect(await linkAfter({ ai_character: { disconnect: [lin.documentId] } })).toBeNull();
    expect(await linkAfter({ ai_character: lin.documentId })).toBe(lin.documentId);
    expect(await linkAfter({ ai_character: null })).toBeNull();
    expect(await linkAfter({ ai_character: { connect: [lin.documentId] } })).toBe(lin.documentId);
    expect(await linkAfter({ ai_character: { set: [] } })).toBeNull();
    const strange = await save('PUT', path, { ai_character: 'nobody' });
    expect(strange.status).toBe(400);
  });

  it('counts in its session until it is deleted', async () => {
    const { user } = await app.createUser();
    const session_id = 'counted';
    const session = await save('POST', '/api/chat-sessions', { session_id, user: user.id });
    const other = await save('POST', '/api/chat-sessions', { session_id: 'other', user: user.id });
    const counts = async () => {
      const rows = await app.db('chat_sessions').whereIn('session_id', ['counted', 'other']).orderBy('id');
      return rows.map(({ message_count }) => message_count);
    };
    const message = { message_id: 'counted 1', role: 'user', query: 'Hi', user: user.id };
    const { body } = await save('POST', '/api/chat-conversations', {
      ...message,
      session: session.body.data.documentId,
    });
    expect(await counts()).toEqual([1, 0]);
    const path = `/api/chat-conversations/${body.data.documentId}`;
    await save('PUT', path, { session: other.body.data.documentId });
    expect(await counts()).toEqual([0, 1]);
    await save('PUT', path, { is_deleted: true });
    expect(await counts()).toEqual([0, 0]);
    await save('PUT', path, { is_deleted: false });
    expect(await counts()).toEqual([0, 1]);
    await save('DELETE', path, {});
    expect(await counts()).toEqual([0, 0]);
  });

  it.each([
    ['its numeric id', ({ id }: Client['user']) => id],
    ['its documentId', ({ documentId }: Client['user']) => documentId],
    ['connect', ({ documentId }: Client['user']) => ({ connect: [documentId] })],
    ['set', ({ id }: Client['user']) => ({ set: [{ id }] })],
  ])('belongs to the user given by %s', async (what, name) => {
    const { user } = await app.createUser();
    const session_id = `of a user by ${what}`;
    const { status } = await save('POST', '/api/chat-sessions', { session_id, user: name(user) });
    expect(status).toBe(201);
    expect((await app.db('chat_sessions').where({ session_id }).first()).user_id).toBe(user.id);
  });
});

it('saves times in UTC in every time zone of the server', async () => {
  const user = await app.createUser();
  const { documentId } = await app.admin.createCharacter();
  const [question] = (await user.ask({ character_id: documentId, query: 'What time is it?' })).body.data;
  const asText =
    database === 'sqlite'
      ? "datetime(created_at / 1000, 'unixepoch')"
      : "to_char(created_at, 'YYYY-MM-DD HH24:MI:SS')";
  const row = await app
    .db('chat_conversations')
    .where({ id: question.id })
    .select({ time: app.db.raw(asText) })
    .first();
  expect(row.time).toBe(question.createdAt.slice(0, 19).replace('T', ' '));
});

describe('permissions', () => {
  it('are granted to logged-in users once, so a permission that an admin removes stays removed', async () => {
    const action = 'api::chat-conversation.chat-conversation.myList';
    const permission = await app.db('up_permissions').where({ action }).first();
    await app.db('up_permissions_role_lnk').where({ permission_id: permission.id }).delete();
    await app.db('up_permissions').where({ id: permission.id }).delete();
    await app.killAndRestart();
    expect(await app.db('up_permissions').where({ action })).toEqual([]);
    const user = await app.createUser();
    expect((await user.myList()).status).toBe(403);
  });
});
