import { holdsWithin } from '../support/until';
import { startApp, type App } from '../support/app';
import { createClient, type Client } from '../support/client';
import { database } from '../support/database';
import { linkByRows, refuseToFill, rowLinksOf } from '../support/links-by-rows';

let app: App;
let user: Client;

beforeAll(async () => {
  app = await startApp({ env: { CHAT_REMEMBER_CHARACTERS_SECONDS: '3600' } });
  user = await app.createUser();
});
afterAll(() => app.stop());

const publish = (documentId: string) =>
  app.admin.publish(documentId, { name: 'New', prompt: 'You are new.' });
const totalOf = async (filter: string) => (await user.myList(`?${filter}`)).body.meta.pagination.total;

(database === 'postgres' ? describe : describe.skip)('a character that another process changes', () => {
  let there: Client;
  beforeAll(async () => {
    there = createClient(await app.startAnother(), user.token, user.user);
  });

  it.each(['discard', 'publish'] as const)(
    'still answers in existing and new sessions after a %s',
    async (action) => {
      const { documentId } = await app.admin.createCharacter({ name: action });
      const first = await there.ask({ character_id: documentId, query: 'Before' });
      const { session_id, ai_character } = first.body.data[0];
      if (action === 'discard') await app.admin.action(documentId, 'discard');
      else await publish(documentId);

      const replies = [
        await there.ask({ character_id: documentId, query: 'After', session_id }),
        await there.ask({ character_id: ai_character.id, query: 'After', session_id }),
        await there.ask({ character_id: documentId, query: 'After' }),
        await user.ask({ character_id: documentId, query: 'After', session_id }),
      ];
      expect(replies.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
      for (const client of [there, user]) {
        const { data } = (await client.myList(`?filters[ai_character]=${documentId}`)).body;
        expect(data).toHaveLength(10);
        for (const message of data) expect(message.ai_character.id).toBe(ai_character.id);
      }
    },
  );

  it('still answers while it is cached after its deletion, and no request fails', async () => {
    const { documentId } = await app.admin.createCharacter({ name: 'Deleted' });
    await there.ask({ character_id: documentId, query: 'Before' });
    const path = `/content-manager/collection-types/api::ai-character.ai-character/${documentId}`;
    await app.admin.client.request('DELETE', path);
    expect((await there.ask({ character_id: documentId, query: 'After' })).status).toBe(200);
    expect((await user.myList('?pageSize=1')).body.data[0].ai_character).toBeNull();
    expect(await totalOf(`filters[ai_character]=${documentId}`)).toBe(0);
    expect(await totalOf('filters[ai_character][$null]=true')).toBeGreaterThan(0);
  });
});

describe('messages of an older release that linked to character rows', () => {
  it('keep their character before and after their links are updated, even if its rows are replaced', async () => {
    const { documentId, id } = await app.admin.createCharacter({ name: 'Linked' });
    const { body } = await user.ask({ character_id: documentId, query: 'By row' });
    const { session_id, turn_id } = body.data[0];
    await app.signal('SIGTERM');
    await linkByRows(app.db, documentId);
    const letFill = await refuseToFill(app.db);
    await app.restart();
    const shows = async (count: number) => {
      const { data, meta } = (await user.myList(`?filters[ai_character]=${id}&sort=id`)).body;
      expect(meta.pagination.total).toBe(count);
      for (const { ai_character } of data) expect(ai_character).toMatchObject({ id, documentId });
      expect(await totalOf(`filters[ai_character][documentId]=${documentId}`)).toBe(count);
      expect(await totalOf('filters[ai_character][name]=Linked')).toBe(count);
      expect(await totalOf(`filters[ai_character][$ne]=${id}&filters[query]=By row`)).toBe(0);
    };
    await shows(2);
    expect((await user.ask({ character_id: id, query: 'By row', session_id })).status).toBe(200);
    const again = await user.request('POST', `/api/chat-conversations/turns/${turn_id}/regenerate`);
    expect(again.status).toBe(200);
    await shows(6);
    expect(await rowLinksOf(app.db, documentId)).toBeGreaterThan(0);

    await letFill();
    await app.admin.action(documentId, 'discard');
    await shows(6);
    expect(await rowLinksOf(app.db, documentId)).toBe(0);
    expect((await user.ask({ character_id: id, query: 'By row', session_id })).status).toBe(200);
    await shows(8);
  });

  it('link to the documentId soon after one or two processes start, even if there are 1,200 of them', async () => {
    const { documentId, id } = await app.admin.createCharacter({ name: 'Many' });
    await user.ask({ character_id: documentId, query: 'One of many' });
    const [pattern] = await app.db('chat_conversations').where({ ai_character_document_id: documentId });
    const { id: _id, document_id: _documentId, idempotency_key: _key, turn_id: _turn, ...columns } = pattern;
    await app.db.batchInsert(
      'chat_conversations',
      Array.from({ length: 1_200 }, (_, index) => ({
        ...columns,
        document_id: `many${index}`,
        message_id: `many ${index}`,
      })),
      100,
    );
    await linkByRows(app.db, documentId);
    await app.signal('SIGTERM');
    await Promise.all([app.restart(), ...(database === 'postgres' ? [app.startAnother()] : [])]);
    expect(await totalOf(`filters[ai_character]=${id}`)).toBe(1_202);
    expect(await holdsWithin(60_000, async () => (await rowLinksOf(app.db, documentId)) === 0)).toBe(true);
    expect(await totalOf(`filters[ai_character]=${id}`)).toBe(1_202);
    const filled = await app.db('chat_conversations').where({ ai_character_document_id: documentId });
    expect(filled).toHaveLength(1_202);
  });
});
