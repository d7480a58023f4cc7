import { startApp, type App } from '../support/app';
import type { Client } from '../support/client';

const characters = '/content-manager/collection-types/api::ai-character.ai-character';

let app: App;
let user: Client;
let ada: { documentId: string; id: number };
let avatar: number;

/** The texts of Ada in Chinese. */
const chinese = {
  name: '艾达',
  introduce: '我会计算。',
  opening_statement: '你好，我是{{char}}。',
  suggested_questions: ['什么是数？'],
};

beforeAll(async () => {
  app = await startApp({ env: { CHAT_REMEMBER_CHARACTERS_SECONDS: '3600' } });
  user = await app.createUser();
  await app.admin.client.post('/i18n/locales', { code: 'zh', name: 'Chinese (zh)', isDefault: false });
  await app.admin.client.post('/i18n/locales', { code: 'fr', name: 'French (fr)', isDefault: false });
  avatar = await app.admin.uploadPicture();
  ada = await app.admin.createCharacter({
    name: 'Ada',
    prompt: 'You are {{char}}.',
    introduce: 'I compute.',
    opening_statement: 'Good day.',
    suggested_questions: ['What is a number?'],
    avatar,
    upstream: 'dify',
    upstream_key: 'app-secret-of-ada',
    order: 7,
  });
});
afterAll(() => app.stop());

const rowsOf = (documentId: string) =>
  app.db('ai_characters').where({ document_id: documentId }).orderBy('id');

/** Saves the draft of a locale, as the form of the admin panel does. */
async function save(documentId: string, locale: string, fields: object) {
  const { status, body } = await app.admin.client.request(
    'PUT',
    `${characters}/${documentId}?locale=${locale}`,
    {
      body: fields,
    },
  );
  expect([status, body.error?.message]).toEqual([200, undefined]);
}

async function publish(documentId: string, locale: string, fields: object) {
  const path = `${characters}/${documentId}/actions/publish?locale=${locale}`;
  const { status, body } = await app.admin.client.post(path, fields);
  expect([status, body.error?.message]).toEqual([200, undefined]);
}

const shown = async (path: string) => (await user.get(path)).body.data;

describe('a character with one locale', () => {
  it('is in the default locale, and is shown for any other one, too', async () => {
    for (const { locale } of await rowsOf(ada.documentId)) expect(locale).toBe('en');
    for (const query of ['', '?locale=en', '?locale=zh', '?locale=xx']) {
      expect(await shown(`/api/ai-characters${query}`)).toMatchObject([
        { id: ada.id, name: 'Ada', locale: 'en' },
      ]);
      for (const reference of [ada.documentId, ada.id])
        expect(await shown(`/api/ai-characters/${reference}${query}`)).toMatchObject({
          id: ada.id,
          name: 'Ada',
        });
    }
  });
});

describe('a new locale of a character', () => {
  it('has the fields that are not localized, also unpublished ones and the API key', async () => {
    await save(ada.documentId, 'en', { name: 'Ada', prompt: 'You are {{char}}. Be brief.' });
    // The form of a new locale sends empty fields for what it does not show.
    await save(ada.documentId, 'zh', { ...chinese, upstream_key: null, order: null });
    const rows = await rowsOf(ada.documentId);
    expect(rows.map(({ locale, published_at }) => [locale, published_at !== null]).sort()).toEqual([
      ['en', false],
      ['en', true],
      ['zh', false],
    ]);
    const drafts = rows.filter(({ published_at }) => published_at === null);
    for (const { prompt, order, numeric_id, upstream } of drafts) {
      expect({ prompt, order, numeric_id, upstream }).toEqual({
        prompt: 'You are {{char}}. Be brief.',
        order: 7,
        numeric_id: ada.id,
        upstream: 'dify',
      });
    }
    expect(drafts[0].upstream_key).not.toBeNull();
    expect(new Set(rows.map(({ upstream_key }) => upstream_key)).size).toBe(1);
  });

  it('is not shown to users before it is published', async () => {
    expect(await shown('/api/ai-characters?locale=zh')).toMatchObject([{ name: 'Ada' }]);
  });

  it('never shows the API key to editors', async () => {
    for (const locale of ['en', 'zh', 'fr']) {
      const { text } = await app.admin.client.get(`${characters}/${ada.documentId}?locale=${locale}`);
      expect(text).not.toContain((await rowsOf(ada.documentId))[0].upstream_key);
      expect(text).not.toContain('app-secret-of-ada');
    }
  });
});

describe('a published locale', () => {
  it('is shown to users who ask for it, once, with the id of the character', async () => {
    await publish(ada.documentId, 'zh', chinese);
    const expected = {
      ...chinese,
      opening_statement: '你好，我是艾达。',
      prompt: 'You are Ada. Be brief.',
      id: ada.id,
      documentId: ada.documentId,
    };
    const list = await user.get('/api/ai-characters?locale=zh&populate=avatar');
    expect(list.body.data).toMatchObject([{ ...expected, locale: 'zh', avatar: { mime: 'image/png' } }]);
    expect(list.body.meta.pagination.total).toBe(1);
    for (const reference of [ada.documentId, ada.id])
      expect(await shown(`/api/ai-characters/${reference}?locale=zh`)).toMatchObject(expected);
    expect(await shown('/api/ai-characters')).toMatchObject([{ name: 'Ada' }]);
    expect(await shown('/api/ai-characters?locale=fr')).toMatchObject([{ name: 'Ada' }]);
    expect(await shown('/api/ai-characters?locale=zh&filters[name]=艾达')).toHaveLength(1);
    expect(await shown('/api/ai-characters?locale=zh&filters[name]=Ada')).toHaveLength(0);
  });

  it('publishes the fields that are not localized for all locales', async () => {
    const published = (await rowsOf(ada.documentId)).filter(({ published_at }) => published_at !== null);
    expect(published.map(({ locale, prompt, numeric_id }) => [locale, prompt, numeric_id]).sort()).toEqual([
      ['en', 'You are {{char}}. Be brief.', ada.id],
      ['zh', 'You are {{char}}. Be brief.', ada.id],
    ]);
    const pictures = await app.db('files_related_mph').where({ file_id: avatar, field: 'avatar' });
    expect(pictures).toHaveLength(4);
  });

  it('does not change the prompt that answers', async () => {
    const bob = await app.admin.createCharacter({ name: 'Bob', prompt: 'You are {{char}}.' });
    await publish(bob.documentId, 'zh', { name: '鲍勃' });
    for (const locale of ['en', 'zh']) {
      const path = `/api/chat-conversations/create-message?locale=${locale}`;
      const { status } = await user.post(path, { data: { character_id: bob.documentId, query: 'Hi' } });
      expect(status).toBe(200);
      expect(app.dify.requests.at(-1)?.body).toMatchObject({ inputs: { prompt: 'You are Bob.' } });
    }
  });
});

describe('the locale parameter', () => {
  it('chooses the texts of the character in messages, sessions and the Dify API', async () => {
    const [message] = await shown('/api/chat-conversations/my-list?locale=zh');
    expect(message.ai_character).toMatchObject({ name: '鲍勃', prompt: 'You are Bob.' });
    expect((await shown('/api/chat-conversations/my-list'))[0].ai_character.name).toBe('Bob');
    const session = `/api/chat/sessions/${message.session_id}`;
    expect((await user.get(`${session}?locale=zh`)).body.data.ai_character.name).toBe('鲍勃');
    const app = `/api/dify/${ada.documentId}/v1`;
    expect((await user.get(`${app}/parameters?locale=zh`)).body).toMatchObject({
      opening_statement: '你好，我是艾达。',
      suggested_questions: ['什么是数？'],
    });
    expect((await user.get(`${app}/parameters`)).body).toMatchObject({ opening_statement: 'Good day.' });
    expect((await user.get(`${app}/info?locale=zh`)).body.name).toBe('艾达');
  });

  it.each(['*', 'zh;drop', 'a'.repeat(40), 'zh&locale=en'])('refuses %s', async (locale) => {
    const { status, body } = await user.get(`/api/ai-characters?locale=${locale}`);
    expect([status, body.error.details.code]).toEqual([400, 'invalid-request']);
  });
});

describe('a character without the default locale', () => {
  it('answers, is listed once, and shows its oldest locale', async () => {
    const { status, body } = await app.admin.client.post(`${characters}?locale=zh`, {
      name: '孤',
      prompt: '你是{{char}}。',
    });
    expect(status).toBe(201);
    const { documentId, numeric_id: id } = body.data;
    await publish(documentId, 'zh', {});
    await publish(documentId, 'fr', { name: 'Seul' });
    const named = async (query: string) =>
      (await shown(`/api/ai-characters?${query}`)).filter((one: { id: number }) => one.id === id);
    expect(await named('')).toMatchObject([{ name: '孤' }]);
    expect(await named('locale=fr')).toMatchObject([{ name: 'Seul', locale: 'fr' }]);
    expect((await user.ask({ character_id: id, query: 'Hi' })).status).toBe(200);
    expect(app.dify.requests.at(-1)?.body).toMatchObject({ inputs: { prompt: '你是孤。' } });
    const models = (await user.get('/api/openai/v1/models')).body.data as { id: string; name?: string }[];
    expect(models.filter((model) => model.id === documentId)).toHaveLength(1);
  });
});

describe('a published locale that an editor removes', () => {
  it('leaves the character, its versions and its other locales', async () => {
    const versions = () => app.db('chat_character_versions').where({ document_id: ada.documentId });
    expect(await versions()).toHaveLength(2);
    await app.admin.client.request('DELETE', `${characters}/${ada.documentId}?locale=zh`);
    expect(await shown('/api/ai-characters?locale=zh&filters[name]=Ada')).toMatchObject([{ id: ada.id }]);
    expect(await versions()).toHaveLength(2);
    await app.admin.client.request('DELETE', `${characters}/${ada.documentId}?locale=*`);
    expect(await versions()).toHaveLength(0);
  });
});

describe('a role of editors', () => {
  it('may edit the default locale of characters in a new installation', async () => {
    const editor = await app.admin.createAdministrator(await app.admin.findRole('strapi-editor'));
    const { status } = await editor.post(characters, { name: 'By an editor' });
    expect(status).toBe(201);
    const chineseOne = await app.admin.client.post(`${characters}?locale=zh`, { name: '编辑' });
    const path = `${characters}/${chineseOne.body.data.documentId}?locale=zh`;
    expect((await editor.get(path)).status).toBe(403);
  });
});
