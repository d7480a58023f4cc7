import { itInFull } from '../faults/support/scale';
import { startApp, type App } from '../support/app';
import { createClient, type Client } from '../support/client';
import { database } from '../support/database';

let app: App;
let user: Client;

beforeAll(async () => {
  app = await startApp();
  user = await app.createUser();
});
afterAll(() => app.stop());

const contentManager = '/content-manager/collection-types/api::ai-character.ai-character';
const shownBy = async (documentId: string) =>
  Number((await user.get(`/api/ai-characters/${documentId}`)).body.data.id);
const rowsOf = (documentId: string) => app.db('ai_characters').where({ document_id: documentId });
const totalOf = async (filter: string) => (await user.myList(`?${filter}`)).body.meta.pagination.total;

async function createToken(): Promise<
  (method: string, path: string, body?: object) => ReturnType<Client['request']>
> {
  const { body } = await app.admin.client.post('/admin/api-tokens', {
    name: `token ${Math.random()}`,
    description: '',
    type: 'full-access',
    lifespan: null,
  });
  const headers = { Authorization: `Bearer ${body.data.accessKey}` };
  return (method, path, data) =>
    app.anonymous.request(method, path, { headers, ...(data !== undefined && { body: { data } }) });
}

describe('the id of a character', () => {
  it('stays the same when the character is published, discarded and unpublished', async () => {
    const { documentId } = await app.admin.createCharacter({ name: 'Ada' });
    const id = await shownBy(documentId);
    await user.ask({ character_id: id, query: 'Hi' });
    const last = async () => (await user.myList('?pageSize=1')).body.data[0].ai_character;
    expect(await last()).toMatchObject({ id, documentId });
    for (const action of ['publish', 'discard', 'publish', 'unpublish', 'publish'] as const) {
      if (action === 'publish') await app.admin.publish(documentId, { name: 'Ada', prompt: 'You are Ada.' });
      else await app.admin.action(documentId, action);
      expect([action, await last()]).toMatchObject([action, { id, documentId }]);
    }
    expect(await shownBy(documentId)).toBe(id);
    expect((await user.ask({ character_id: id, query: 'Again' })).status).toBe(200);
    expect(await totalOf(`filters[ai_character]=${id}`)).toBe(4);
  });

  it('is the same in every reply', async () => {
    const { documentId } = await app.admin.createCharacter({ name: 'Everywhere' });
    await app.admin.publish(documentId, { name: 'Everywhere', prompt: 'You are everywhere.' });
    const id = await shownBy(documentId);
    const { body } = await user.ask({ character_id: documentId, query: 'Hi' });
    expect(body.data.map((message: { ai_character: { id: number } }) => message.ai_character.id)).toEqual([
      id,
      id,
    ]);
    const events = await user.streamAll({ character_id: String(id), query: 'Hi' });
    expect(events.at(-1)?.data.data[0].ai_character).toMatchObject({ id, documentId });
    const { turn_id } = body.data[0];
    const turn = await user.get(`/api/chat-conversations/turns/${turn_id}`);
    expect(JSON.stringify(turn.body)).toContain(`"ai_character":{"id":${id},`);
    const list = await user.get('/api/ai-characters?filters[name]=Everywhere&fields=name');
    expect(list.body.data).toEqual([{ id, documentId, name: 'Everywhere' }]);
    const token = await createToken();
    const lines = await token('GET', '/api/chat-conversations?populate=ai_character&sort=id:desc');
    expect(lines.body.data[0].ai_character).toMatchObject({ id, documentId, name: 'Everywhere' });
    expect(lines.text).not.toContain('numeric_id');
  });

  it('works in filters and sorts', async () => {
    const characters = [
      await app.admin.createCharacter({ name: 'First' }),
      await app.admin.createCharacter({ name: 'Second' }),
    ];
    // Publishing replaces the published row, so the row of the first character is now the newer one.
    await app.admin.publish(characters[0]?.documentId ?? '', { name: 'First', prompt: 'You are first.' });
    const ids = await Promise.all(characters.map(({ documentId }) => shownBy(documentId)));
    const [first = 0, second = 0] = ids;
    const list = async (query: string) =>
      (await user.get(`/api/ai-characters?${query}`)).body.data.map(({ id }: { id: number }) => id);
    expect(await list(`filters[id]=${first}`)).toEqual([first]);
    expect(await list(`filters[id][$in][0]=${first}&filters[id][$in][1]=${second}&sort=id`)).toEqual([
      first,
      second,
    ]);
    expect(await list(`filters[$or][0][id][$gte]=${first}&sort[0]=id:desc`)).toEqual([second, first]);
    expect(await list(`filters[$not][id][$ne]=${second}&sort[id]=asc&fields=id`)).toEqual([second]);

    await user.ask({ character_id: first, query: 'To the first' });
    await user.ask({ character_id: second, query: 'To the second' });
    for (const filter of [
      `filters[ai_character]=${first}`,
      `filters[ai_character][id][$eq]=${first}`,
      `filters[ai_character][$in][0]=${first}`,
      `filters[ai_character][documentId]=${characters[0]?.documentId}`,
    ])
      expect([filter, await totalOf(filter)]).toEqual([filter, 2]);

    const token = await createToken();
    const found = await token(
      'GET',
      `/api/chat-conversations?filters[ai_character][id]=${second}&populate=ai_character&sort=ai_character.id`,
    );
    expect(found.body.data).toHaveLength(2);
    expect(found.body.data[0].ai_character.id).toBe(second);
    const sessions = await token('GET', `/api/chat-sessions?filters[ai_character]=${second}`);
    expect(sessions.body.data).toHaveLength(1);
  });

  it('is not the id of a row', async () => {
    const { documentId } = await app.admin.createCharacter({ name: 'By row' });
    for (let time = 0; time < 3; time += 1)
      await app.admin.publish(documentId, { name: 'By row', prompt: 'You are a row.' });
    await user.ask({ character_id: documentId, query: 'Hi' });
    const id = await shownBy(documentId);
    for (const row of await rowsOf(documentId)) {
      if (row.id === id) continue;
      expect((await user.ask({ character_id: row.id, query: 'Hi' })).status).toBe(400);
      const ofOthers = (await user.myList(`?filters[ai_character]=${row.id}`)).body.data;
      for (const { ai_character } of ofOthers) expect(ai_character.documentId).not.toBe(documentId);
      const other = await user.get(`/api/ai-characters/${row.id}`);
      expect(other.body.data?.documentId).not.toBe(documentId);
    }
  });

  it('finds the character at GET /api/ai-characters/:id, which returns 404 for unknown and draft ids', async () => {
    const { documentId } = await app.admin.createCharacter({ name: 'Found' });
    const id = await shownBy(documentId);
    expect((await user.get(`/api/ai-characters/${id}`)).body.data).toMatchObject({
      id,
      documentId,
      name: 'Found',
    });
    const [nobody, draft] = [
      await user.get('/api/ai-characters/2147483647'),
      await app.admin.createDraft({ name: 'Draft' }),
    ];
    expect(nobody.status).toBe(404);
    const { numeric_id } = await rowsOf(draft.documentId).first();
    expect((await user.get(`/api/ai-characters/${numeric_id}`)).text).toBe(nobody.text);
  });

  it('is new for a copy of the character', async () => {
    const { documentId } = await app.admin.createCharacter({ name: 'Twin' });
    const { body } = await app.admin.client.post(`${contentManager}/clone/${documentId}`, {
      name: 'Twin again',
    });
    const copy = body.data.documentId as string;
    await app.admin.publish(copy, { name: 'Twin again', prompt: 'You are a twin.' });
    expect(copy).not.toBe(documentId);
    expect(await shownBy(copy)).toBeGreaterThan(await shownBy(documentId));
    const auto = await app.admin.client.post(`${contentManager}/auto-clone/${documentId}`, {});
    await app.admin.publish(auto.body.data.documentId, { name: 'Twin', prompt: 'You are a twin.' });
    const ids = await Promise.all([documentId, copy, auto.body.data.documentId].map(shownBy));
    expect(new Set(ids).size).toBe(3);
  });

  it('cannot be chosen or changed by a client', async () => {
    const token = await createToken();
    const refused = await token('POST', '/api/ai-characters', { name: 'Chosen', numeric_id: 7_000 });
    expect(refused.status).toBe(400);
    const { body } = await token('POST', '/api/ai-characters', { name: 'Chosen', prompt: 'Hi' });
    const { id, documentId } = body.data;
    expect((await token('PUT', `/api/ai-characters/${documentId}`, { numeric_id: 7_000 })).status).toBe(400);
    await app.admin.client.request('PUT', `${contentManager}/${documentId}`, {
      body: { name: 'Chosen', numeric_id: 7_000 },
    });
    const reply = await app.admin.client.post(contentManager, { name: 'By hand', numeric_id: 7_000 });
    await app.admin.publish(reply.body.data.documentId, {
      name: 'By hand',
      prompt: 'Hi',
      ...{ numeric_id: 7_001 },
    });
    expect(await shownBy(documentId)).toBe(id);
    expect(await shownBy(reply.body.data.documentId)).toBeLessThan(7_000);
    for (const query of ['filters[numeric_id]=1', 'sort=numeric_id', 'fields=numeric_id'])
      expect([query, (await user.get(`/api/ai-characters?${query}`)).status]).toEqual([query, 400]);
  });

  it('is unique when one or two processes create many characters at the same time', async () => {
    const names = Array.from({ length: 10 }, (_, index) => `Together ${index}`);
    const admins = [app.admin.client];
    if (database === 'postgres') {
      const url = await app.startAnother();
      const { token } = app.admin.client;
      admins.push({
        ...createClient(url, token),
        post: async (path, body) => createClient(url, token).request('POST', path, { body }),
      });
    }
    await Promise.all(
      admins.flatMap((admin) => names.map((name) => admin.post(contentManager, { name, prompt: 'Hi' }))),
    );
    const rows = await app.db('ai_characters').where('name', 'like', 'Together%').select('numeric_id');
    expect(rows).toHaveLength(names.length * admins.length);
    expect(new Set(rows.map((row) => row.numeric_id)).size).toBe(rows.length);
  });
});

describe('a character without an id', () => {
  it('gets an id before it is shown, the same in its draft row and its published row', async () => {
    const now = new Date();
    const columns = { name: 'By SQL', prompt: 'You are SQL.', created_at: now, updated_at: now };
    for (const documentId of ['written-by-sql-one', 'written-by-sql-two']) {
      const row = { ...columns, document_id: documentId };
      await app.db('ai_characters').insert([
        { ...row, published_at: null },
        { ...row, published_at: now },
      ]);
    }
    const list = (await user.get('/api/ai-characters?filters[name]=By SQL')).body.data;
    const ids: number[] = list.map(({ id }: { id: number }) => id);
    expect([ids.length, new Set(ids).size]).toEqual([2, 2]);
    for (const { id, documentId } of list) {
      expect(await rowsOf(documentId)).toMatchObject([{ numeric_id: id }, { numeric_id: id }]);
      expect((await user.ask({ character_id: id, query: 'Hi' })).body.data[0].ai_character.id).toBe(id);
    }
    const [first] = list;
    await app
      .db('ai_characters')
      .where({ document_id: first.documentId })
      .whereNotNull('published_at')
      .update({
        numeric_id: null,
      });
    expect(await shownBy(first.documentId)).toBe(first.id);
  });

  itInFull(
    'keeps the id of an earlier release after the upgrade, and new ids are above every row id',
    async () => {
      const [kept, draft, gone] = [
        await app.admin.createCharacter({ name: 'Kept' }),
        await app.admin.createDraft({ name: 'Draft' }),
        await app.admin.createCharacter({ name: 'Gone' }),
      ];
      const goneRows = await rowsOf(gone.documentId);
      await app.admin.client.request('DELETE', `${contentManager}/${gone.documentId}`);
      await app.signal('SIGTERM');
      await app.db('ai_characters').update({ numeric_id: null });
      await app.db.schema.dropTable('chat_character_ids');
      await Promise.all([app.restart(), ...(database === 'postgres' ? [app.startAnother()] : [])]);

      const rows = await rowsOf(kept.documentId);
      const publishedRow = rows.find((row) => row.published_at !== null);
      expect(await shownBy(kept.documentId)).toBe(publishedRow.id);
      expect(rows.map((row) => row.numeric_id)).toEqual([publishedRow.id, publishedRow.id]);
      const [draftRow] = await rowsOf(draft.documentId);
      expect(draftRow.numeric_id).toBe(draftRow.id);
      const all = await app.db('ai_characters').distinct('document_id', 'numeric_id');
      expect(new Set(all.map((row) => row.numeric_id)).size).toBe(all.length);

      const admin = await app.admin.createCharacter({ name: 'New' });
      expect(admin.id).toBeGreaterThan(Math.max(...goneRows.map((row) => Number(row.id))));
    },
  );
});
