import { startApp, type App } from '../support/app';
import { canaries } from '../support/canaries';
import type { Client } from '../support/client';

let app: App;
let user: Client;
let published: { documentId: string; id: number };
let draft: { documentId: string };
let avatar: number;
const prompt = `You are Ada. ${canaries.prompt}`;

beforeAll(async () => {
  app = await startApp();
  user = await app.createUser();
  avatar = await app.admin.uploadPicture();
  published = await app.admin.createCharacter({
    name: 'Ada',
    prompt,
    introduce: 'I compute.',
    opening_statement: 'Good day.',
    suggested_questions: ['What is a number?'],
    avatar,
  });
  draft = await app.admin.createDraft({ name: 'Draft', prompt: `Hidden. ${canaries.draft}`, avatar });
});
afterAll(async () => {
  await app.admin.client.request('DELETE', `/upload/files/${avatar}`);
  await app.stop();
});

describe('GET /api/ai-characters', () => {
  it('lists the published characters to logged-in users', async () => {
    const { status, body } = await user.get('/api/ai-characters');
    expect(status).toBe(200);
    expect(body.meta.pagination.total).toBe(1);
    expect(body.data).toEqual([
      expect.objectContaining({
        id: published.id,
        documentId: published.documentId,
        name: 'Ada',
        prompt,
        introduce: 'I compute.',
        opening_statement: 'Good day.',
        suggested_questions: ['What is a number?'],
      }),
    ]);
    expect((await app.anonymous.get('/api/ai-characters')).status).toBe(401);
  });

  it.each(['populate=*', 'populate=avatar', 'populate[0]=avatar', 'populate[avatar]=true'])(
    'shows the picture for %s',
    async (query) => {
      const { body } = await user.get(`/api/ai-characters?${query}`);
      expect(body.data[0].avatar).toMatchObject({
        mime: 'image/png',
        url: expect.stringMatching(/^\/uploads\//u),
      });
      expect(body.data[0].avatar.related).toBeUndefined();
    },
  );

  it('shows only the fields of the picture that the client names', async () => {
    const { body } = await user.get('/api/ai-characters?populate[avatar][fields][0]=url');
    const { avatar } = body.data[0];
    expect(Object.keys(avatar).sort()).toEqual(['documentId', 'id', 'url']);
  });

  it.each(['related', 'folderPath', 'createdBy', '__proto__'])(
    'refuses the field %s of the picture',
    async (field) => {
      const { status } = await user.get(`/api/ai-characters?populate[avatar][fields][0]=${field}`);
      expect(status).toBe(400);
    },
  );

  it('accepts filters, sort, fields and pagination', async () => {
    const { body } = await user.get(
      '/api/ai-characters?filters[name][$eq]=Ada&sort=name&fields[0]=name&pagination[pageSize]=1',
    );
    expect(body.data).toEqual([{ id: published.id, documentId: published.documentId, name: 'Ada' }]);
  });

  it.each(['__proto__', 'constructor', 'toString', 'avatar', 'createdBy'])(
    'refuses the field %s',
    async (field) => {
      expect((await user.get(`/api/ai-characters?fields[0]=${field}`)).status).toBe(400);
    },
  );

  it('accepts ten conditions, and returns 400 for more', async () => {
    const texts = (count: number) =>
      Array.from({ length: count }, (_, index) => `filters[$or][${index}][name][$containsi]=d${index}`).join(
        '&',
      );
    const values = Array.from({ length: 20 }, (_, index) => `filters[id][$notIn][${index}]=0`).join('&');
    expect((await user.get(`/api/ai-characters?${texts(10)}`)).status).toBe(200);
    expect((await user.get(`/api/ai-characters?${values}`)).status).toBe(200);
    const { status, body } = await user.get(`/api/ai-characters?${texts(11)}`);
    expect([status, body.error.details.code]).toEqual([400, 'invalid-request']);
  });

  it.each([
    'status=draft',
    'status=anything',
    'filters[publishedAt][$null]=true',
    'filters[$or][0][publishedAt][$null]=true',
    'filters[$and][0][publishedAt][$null]=true',
    'filters[$not][publishedAt][$notNull]=true',
    'filters[prompt][$contains]=draft-canary',
    'filters[name][$eq]=Draft',
    'filters[$or][0][name][$eq]=Draft&filters[$or][1][name][$eq]=Ada',
    'filters[createdBy][id][$gt]=0',
    'filters[createdBy][password][$startsWith]=$2',
    'filters[0][name]=Draft',
    'publicationFilter=draft',
    'hasPublishedVersion=false',
    'where[publishedAt][$null]=true',
    'lookup[publishedAt][$null]=true',
    'populate=*',
    'populate[avatar][populate]=*',
    'populate[avatar][fields][0]=related',
    'populate[avatar][fields][0]=url&populate[avatar][populate]=related',
    'populate[avatar][populate][related]=true',
    'populate[avatar][populate][related]=*',
    'populate[avatar][populate][related][on][api::ai-character.ai-character]=true',
    'populate[0]=avatar.related',
    'populate=avatar.related',
    'filters[avatar][related][prompt][$contains]=canary',
    'filters[avatar][name][$contains]=a',
    'sort=avatar.name',
    'populate[createdBy]=true',
    '_q=draft-canary',
    'locale=*',
  ])('never shows or counts a draft for %s', async (query) => {
    for (const path of ['/api/ai-characters', `/api/ai-characters/${draft.documentId}`]) {
      const { status, text, body } = await user.get(`${path}?${query}`);
      expect(status).toBeLessThan(500);
      expect(text).not.toContain(canaries.draft);
      expect(text).not.toContain('"Draft"');
      expect(body.meta?.pagination?.total ?? 0).toBeLessThanOrEqual(1);
    }
  });
});

describe('GET /api/ai-characters/:id', () => {
  it('returns a published character, and the same 404 for a draft and an unknown id', async () => {
    expect((await user.get(`/api/ai-characters/${published.documentId}`)).body.data).toMatchObject({
      name: 'Ada',
    });
    const [a, b] = [
      await user.get(`/api/ai-characters/${draft.documentId}`),
      await user.get('/api/ai-characters/zzzzzzzzzzzzzzzzzzzzzzzz'),
    ];
    expect([a.status, a.text]).toEqual([b.status, b.text]);
    expect(a.status).toBe(404);
  });
});

describe('a character that changes', () => {
  const last = async () => (await user.myList('?pageSize=1')).body.data[0].ai_character;

  it('is shown with its published content instead of its draft', async () => {
    await user.ask({ character_id: published.documentId, query: 'Hi' });
    const url = `/content-manager/collection-types/api::ai-character.ai-character/${published.documentId}`;
    await fetch(`${app.url}${url}`, {
      method: 'PUT',
      headers: { Authorization: `Bearer ${app.admin.client.token}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ name: 'Changed', prompt: `Changed. ${canaries.draft}` }),
    });
    expect(await last()).toMatchObject({ name: 'Ada', prompt });
  });

  it('keeps its messages and sessions when an editor discards the changes of its draft', async () => {
    const { body } = await user.ask({ character_id: published.documentId, query: 'Before the discard' });
    await app.admin.action(published.documentId, 'discard');
    expect(await last()).toMatchObject({ documentId: published.documentId, name: 'Ada' });
    expect(
      (await user.myList(`?filters[ai_character]=${published.documentId}`)).body.meta.pagination.total,
    ).toBe(4);
    const next = await user.ask({
      character_id: published.documentId,
      query: 'After it',
      session_id: body.data[0].session_id,
    });
    expect(next.status).toBe(200);
  });

  it('has no content in messages after it is unpublished, and returns 400 for a question', async () => {
    await app.admin.action(published.documentId, 'unpublish');
    expect(await last()).toEqual({
      id: expect.any(Number),
      documentId: published.documentId,
      name: null,
      prompt: null,
      introduce: null,
      opening_statement: null,
      suggested_questions: null,
    });
    expect((await user.ask({ character_id: published.documentId, query: 'Hi' })).status).toBe(400);
    expect(
      (await user.myList(`?filters[ai_character][documentId]=${published.documentId}`)).body.meta.pagination
        .total,
    ).toBe(6);
  });

  it('is null in messages after it is deleted', async () => {
    const url = `/content-manager/collection-types/api::ai-character.ai-character/${published.documentId}`;
    await app.admin.client.request('DELETE', url);
    expect(await last()).toBeNull();
    expect((await user.myList()).body.meta.pagination.total).toBe(6);
  });
});

describe('CHAT_EXPOSE_PROMPT=false', () => {
  it('removes the prompt from every reply, and returns 400 for filters and sorts by it', async () => {
    const discreet = await startApp({ env: { CHAT_EXPOSE_PROMPT: 'false' } });
    try {
      const { documentId } = await discreet.admin.createCharacter({ prompt });
      const somebody = await discreet.createUser();
      const replies = [
        await somebody.ask({ character_id: documentId, query: 'Hi' }),
        await somebody.myList(),
        await somebody.get('/api/ai-characters?populate=*'),
        await somebody.get(`/api/ai-characters/${documentId}`),
      ];
      const events = await somebody.streamAll({ character_id: documentId, query: 'Hi' });
      for (const text of [...replies.map((reply) => reply.text), JSON.stringify(events)]) {
        expect(text).not.toContain(canaries.prompt);
        expect(text).not.toContain('"prompt"');
      }
      for (const query of [
        'filters[prompt][$startsWith]=You',
        'sort=prompt',
        'fields=prompt',
        'filters[$or][0][prompt][$contains]=Ada',
      ]) {
        expect((await somebody.get(`/api/ai-characters?${query}`)).status).toBe(400);
      }
      expect((await somebody.myList('?filters[ai_character][prompt][$startsWith]=You')).status).toBe(400);
    } finally {
      await discreet.stop();
    }
  });
});
