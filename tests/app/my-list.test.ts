import { startApp, type App } from '../support/app';
import type { Client } from '../support/client';

let app: App;
let user: Client;
let ada: { documentId: string; id: number };
let lin: { documentId: string; id: number };

/** The questions that `beforeAll` asks, oldest first. Each one becomes two messages. */
const questions = ['你好世界', 'Hello World', '100% sure_thing', 'ÉCOLE', 'five', 'six'];

beforeAll(async () => {
  app = await startApp();
  ada = await app.admin.createCharacter({ name: 'Ada', introduce: 'I compute.' });
  lin = await app.admin.createCharacter({ name: '林', introduce: '我写诗。' });
  user = await app.createUser();
  for (const [index, query] of questions.entries()) {
    await user.ask({ character_id: (index % 2 === 0 ? ada : lin).documentId, query });
  }
});
afterAll(() => app.stop());

/** Returns the distinct questions of the messages that a query string finds, oldest first. */
async function found(query: string): Promise<string[]> {
  const { status, body, text } = await user.myList(`?pageSize=100&${query}`);
  if (status !== 200) throw new Error(text);
  const queries = body.data.map((message: { query: string }) => message.query).reverse();
  return [...new Set<string>(queries)];
}

const encode = (text: string) => encodeURIComponent(text);

describe('pages of my-list', () => {
  it('begin with the newest message, and have 20 messages by default', async () => {
    const { body } = await user.myList();
    expect(body.data).toHaveLength(12);
    expect(body.data[0]).toMatchObject({ query: 'six', role: 'assistant' });
    expect(body.data.at(-1)).toMatchObject({ query: '你好世界', role: 'user' });
    expect(body.meta.pagination).toEqual({ page: 1, pageSize: 20, pageCount: 1, total: 12 });
  });

  it.each(['page=2&pageSize=5', 'pagination[page]=2&pagination[pageSize]=5'])(
    'are selected by %s',
    async (query) => {
      const all = (await user.myList()).body.data;
      const { body } = await user.myList(`?${query}`);
      expect(body.data).toEqual(all.slice(5, 10));
      expect(body.meta.pagination).toEqual({ page: 2, pageSize: 5, pageCount: 3, total: 12 });
    },
  );

  it('are selected by start and limit, which the reply repeats', async () => {
    const all = (await user.myList()).body.data;
    const { body } = await user.myList('?pagination[start]=3&pagination[limit]=5');
    expect(body.data).toEqual(all.slice(3, 8));
    expect(body.meta.pagination).toEqual({ start: 3, limit: 5, total: 12 });
    expect((await user.myList('?pagination[start]=99')).body).toMatchObject({
      data: [],
      meta: { pagination: { start: 99, limit: 20, total: 12 }, nextCursor: null },
    });
  });

  it('are counted even with withCount=false', async () => {
    const { body } = await user.myList('?pagination[withCount]=false');
    expect(body.meta.pagination).toEqual({ page: 1, pageSize: 20, pageCount: 1, total: 12 });
  });

  it('of a session ignore the sessions of other users, as its path does', async () => {
    const { body } = await user.myList('?pageSize=1');
    const [{ session_id, conversation_id }] = body.data;
    const other = await app.createUser();
    await other.ask({ character_id: ada.documentId, query: 'mine' });
    const rows = app.db('chat_sessions').where({ user_id: other.user.id });
    await rows.update({ conversation_id });
    for (const field of ['[session_id]', '[session][session_id]', '[session]']) {
      const list = await user.myList(`?filters${field}=${conversation_id}`);
      expect([field, list.body.data.map((one: { session_id: string }) => one.session_id)]).toEqual([
        field,
        [session_id, session_id],
      ]);
    }
  });

  it('are empty beyond the last one, and have at most 100 messages', async () => {
    expect((await user.myList('?page=99')).body).toMatchObject({
      data: [],
      meta: { pagination: { page: 99, total: 12 } },
    });
    expect((await user.myList('?pageSize=5000')).body.meta.pagination.pageSize).toBe(100);
  });

  it('follow each other by cursor, without gaps and duplicates', async () => {
    const all = (await user.myList()).body.data;
    const seen: unknown[] = [];
    let query = '?pageSize=5';
    for (;;) {
      const { body } = await user.myList(query);
      seen.push(...body.data);
      if (body.meta.nextCursor === null) break;
      query = `?pageSize=5&cursor=${body.meta.nextCursor}`;
    }
    expect(seen).toEqual(all);
  });

  it.each([
    'page=0',
    'page=-1',
    'page=x',
    'pageSize=0',
    'pageSize=-1',
    'pageSize=1e3',
    'page[]=1',
    'cursor=x',
    'cursor=MTIz&sort=id',
    'sort=password',
    'sort=user.password',
    'sort=createdAt:up',
    'sort[a][b]=c&sort=',
    'where[id]=1',
    'lookup[id]=1',
    'status=draft',
    '_q=x',
    'pagination[start]=1&pagination[x]=1',
    'pagination[start]=-1',
    'pagination[start]=x',
    'pagination[limit]=0',
    'pagination[limit]=-1',
    'pagination[start]=0&pagination[page]=1',
    'pagination[limit]=5&pageSize=5',
    'pagination[start]=1&cursor=MTc5NTI3MTIwMDcwNi45',
    'filters[0][query]=x',
    'filters=x',
    Array.from({ length: 11 }, (_, index) => `filters[$or][${index}][query][$containsi]=x`).join('&'),
    'filters[query][$regex]=x',
    'filters[createdAt][$gte]=yesterday',
    'filters[id][$eq]=x',
    'filters[id][$eq]=99999999999',
    'filters[query][$contains][a]=x',
    'filters[createdAt][$between]=2024-01-01',
    `filters[query]=${'x'.repeat(1001)}`,
    `${'filters[$and][0]'.concat('[$and][0]'.repeat(12))}[query]=x`,
  ])('refuse %s with a sentence that says what to change', async (query) => {
    const { status, body } = await user.myList(`?${query}`);
    expect(status).toBe(400);
    expect(body.error).toMatchObject({ status: 400, details: { code: 'invalid-request' } });
    expect(body.error.message.length).toBeGreaterThan(10);
  });
});

describe('sorting my-list', () => {
  it.each([
    ['sort=id:asc', 1],
    ['sort=createdAt:asc', 1],
    ['sort[0]=createdAt:asc', 1],
    ['sort=createdAt', 1],
    ['sort=createdAt:desc', -1],
    ['sort[createdAt]=desc', -1],
    ['sort=createdAt:desc,id:desc', -1],
  ])('works with %s', async (query, direction) => {
    const { body } = await user.myList(`?${query}`);
    const ids: number[] = body.data.map(({ id }: { id: number }) => id);
    expect(ids).toEqual([...ids].sort((a, b) => direction * (a - b)));
  });

  it('by a field with equal values puts every message on exactly one page', async () => {
    const pages = await Promise.all(
      [1, 2, 3].map((page) => user.myList(`?sort=message_status&pageSize=4&page=${page}`)),
    );
    const ids = pages.flatMap(({ body }) => body.data.map(({ id }: { id: number }) => id));
    expect(new Set(ids).size).toBe(12);
  });
});

describe('filters of my-list', () => {
  const today = new Date().toISOString().slice(0, 10);
  const tomorrow = new Date(Date.now() + 86_400_000).toISOString().slice(0, 10);
  const byAda = ['你好世界', '100% sure_thing', 'five'];
  const byLin = ['Hello World', 'ÉCOLE', 'six'];

  it('find messages by character, with each of its ids', async () => {
    for (const id of [ada.id, ada.documentId]) {
      expect(await found(`filters[ai_character][id][$eq]=${id}`)).toEqual(byAda);
      expect(await found(`filters[ai_character][id][$ne]=${id}`)).toEqual(byLin);
      expect(await found(`filters[ai_character][id][$in][0]=${id}`)).toEqual(byAda);
      expect(await found(`filters[ai_character]=${id}`)).toEqual(byAda);
    }
    expect(await found(`filters[ai_character][documentId][$eq]=${lin.documentId}`)).toEqual(byLin);
    expect(await found(`filters[ai_character][name][$eq]=${encode('林')}`)).toEqual(byLin);
    expect(await found('filters[ai_character][id][$eq]=999999')).toEqual([]);
  });

  it('find messages by each id of a character that was published again', async () => {
    await app.admin.publish(ada.documentId, {
      name: 'Ada',
      prompt: 'You are Ada.',
      introduce: 'I compute.',
    });
    for (const id of [ada.id, ada.documentId]) {
      expect(await found(`filters[ai_character][id][$eq]=${id}`)).toEqual(byAda);
    }
    expect((await user.myList('?filters[query]=five')).body.data[0].ai_character).toMatchObject({
      id: ada.id,
      name: 'Ada',
    });
  });

  it('find messages by conversation, session, status and time', async () => {
    const message = (await user.myList(`?filters[query][$eq]=five`)).body.data[0];
    expect(await found(`filters[conversation_id][$eq]=${message.conversation_id}`)).toEqual(['five']);
    expect(await found(`filters[session_id][$eq]=${message.session_id}`)).toEqual(['five']);
    expect(await found(`filters[session][session_id]=${message.session_id}`)).toEqual(['five']);
    for (const id of [message.conversation_id, message.session_id]) {
      for (const field of ['[conversation_id]', '[session_id]', '[session][session_id]', '[session]']) {
        expect(await found(`filters${field}[$eq]=${id}`)).toEqual(['five']);
        expect(await found(`filters${field}[$in][0]=${id}&filters${field}[$in][1]=none`)).toEqual(['five']);
        expect(await found(`filters${field}[$ne]=${id}`)).toEqual(questions.filter((one) => one !== 'five'));
      }
    }
    expect(await found('filters[message_status][$eq]=sent')).toEqual(questions);
    expect(await found('filters[message_status][$eq]=read')).toEqual([]);
    expect(await found(`filters[createdAt][$gte]=${today}&filters[createdAt][$lte]=${tomorrow}`)).toEqual(
      questions,
    );
    expect(await found('filters[createdAt][$lte]=2024-12-31')).toEqual([]);
    expect(
      await found(
        `filters[createdAt][$gte]=${message.createdAt}&filters[createdAt][$lte]=${message.createdAt}`,
      ),
    ).toEqual(['five']);
    expect(
      await found(`filters[createdAt][$between][0]=${today}&filters[createdAt][$between][1]=${tomorrow}`),
    ).toEqual(questions);
  });

  it.each<[string, string[]]>([
    [`[$containsi]=${encode('你好')}`, ['你好世界']],
    ['[$containsi]=hello', ['Hello World']],
    [`[$containsi]=${encode('école')}`, ['ÉCOLE']],
    ['[$contains]=hello', []],
    ['[$contains]=World', ['Hello World']],
    ['[$containsi]=%25', ['100% sure_thing']],
    ['[$containsi]=_', ['100% sure_thing']],
    ['[$startsWith]=Hello', ['Hello World']],
    ['[$startsWithi]=HELLO', ['Hello World']],
    ['[$endsWith]=thing', ['100% sure_thing']],
    ['[$endsWithi]=THING', ['100% sure_thing']],
    ['[$eqi]=FIVE', ['five']],
    ['[$in][0]=five&filters[query][$in][1]=six', ['five', 'six']],
    [`[$notIn][0]=five&filters[query][$notContainsi]=${encode('o')}`, ['你好世界', '100% sure_thing', 'six']],
    ['[$not][$in][0]=six&filters[query][$endsWith]=ve', ['five']],
    ['[$null]=true', []],
    ['[$notNull]=true', ['你好世界', 'Hello World', '100% sure_thing', 'ÉCOLE', 'five', 'six']],
    ["[$eq]=' or 1=1 --", []],
  ])('find messages by query%s', async (condition, expected) => {
    expect(await found(`filters[query]${condition}`)).toEqual(expected);
  });

  it('can be combined', async () => {
    expect(
      await found(`filters[ai_character][id][$eq]=${ada.id}&filters[createdAt][$gte]=${today}&page=1`),
    ).toEqual(byAda);
    expect(await found('filters[$or][0][query]=five&filters[$or][1][query]=six&filters[role]=user')).toEqual([
      'five',
      'six',
    ]);
    expect(
      await found(
        `filters[$and][0][query][$containsi]=o&filters[$and][1][ai_character][$or][0][id]=${lin.id}`,
      ),
    ).toEqual(['Hello World', 'ÉCOLE']);
    expect(await found(`filters[$not][query]=five&filters[ai_character]=${ada.id}`)).toEqual([
      '你好世界',
      '100% sure_thing',
    ]);
  });

  it('find both the question and the answer by answer', async () => {
    const answer: string = (await user.myList('?filters[query]=six')).body.data[0].answer;
    const { body } = await user.myList(`?filters[answer][$eq]=${encode(answer)}`);
    expect(body.data.map(({ role }: { role: string }) => role).sort()).toEqual(['assistant', 'user']);
  });

  it('return whole messages with populate=*', async () => {
    const whole = (await user.myList()).text;
    for (const populate of ['populate=*', 'populate=ai_character,user', 'populate[0]=user', 'fields=*'])
      expect((await user.myList(`?${populate}`)).text).toBe(whole);
  });

  it('return only the fields that the client names, always with the id', async () => {
    const { body } = await user.myList(
      '?fields[0]=query&fields[1]=answer&populate[ai_character][fields][0]=name&populate[user][fields]=username',
    );
    const [message] = (await user.myList()).body.data;
    const { id, query, answer, ai_character: character, user: owner } = message;
    expect(body.data[0]).toEqual({
      id,
      query,
      answer,
      ai_character: { id: character.id, documentId: character.documentId, name: character.name },
      user: { id: owner.id, documentId: owner.documentId, username: owner.username },
    });
    expect((await user.myList('?populate[user]=false')).body.data[0]).toEqual({
      ...message,
      user: undefined,
    });
  });

  it.each([
    ['fields=prompt', 'fields can name id, documentId, message_id, '],
    [
      'populate[user][fields]=password',
      'populate[user][fields] can name id, documentId, username, email; not',
    ],
    ['populate=session', 'populate can name ai_character and user; not "session".'],
    ['populate[user][populate]=role', 'populate[user] can have fields; not "populate".'],
  ])('refuse %s', async (query, sentence) => {
    const { status, body } = await user.myList(`?${query}`);
    expect([status, body.error.message]).toEqual([400, expect.stringContaining(sentence)]);
  });
});
