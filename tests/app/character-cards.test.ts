import { readCard, parseCard, toPng } from '../../src/strapi/character-cards/card';
import { isPng, readTexts } from '../../src/strapi/character-cards/png';
import { startApp, type App } from '../support/app';

const uid = 'api::ai-character.ai-character';
const onePixel = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==',
  'base64',
);
const card = {
  spec: 'chara_card_v3',
  spec_version: '3.0',
  data: {
    name: 'Ada',
    description: 'You are {{char}}, an engineer.',
    first_mes: 'Hello.',
    creator_notes: 'Talks about machines.',
    alternate_greetings: ['Good morning.'],
    group_only_greetings: [],
    extensions: { other: { text: '\u0000', large: 12345678901234, list: [1, null] } },
  },
};
const json = Buffer.from(JSON.stringify(card));
const png = toPng(onePixel, parseCard(json.toString()));

interface Body {
  readonly data: { readonly documentId: string; readonly hasPicture: boolean };
}

let app: App;

beforeAll(async () => {
  app = await startApp({ env: { CARD_LIMIT: '100kb' } });
});
afterAll(() => app.stop());

async function send(file: Buffer, token = app.admin.client.token) {
  const form = new FormData();
  form.append('file', new Blob([new Uint8Array(file)]), 'card');
  const headers = { Authorization: `Bearer ${token}` };
  const response = await fetch(`${app.url}/admin/character-cards`, { method: 'POST', headers, body: form });
  return { status: response.status, body: (await response.json()) as Body };
}

async function read(documentId: string, format: string, token = app.admin.client.token) {
  const headers = { Authorization: `Bearer ${token}` };
  const response = await fetch(`${app.url}/admin/character-cards/${documentId}?format=${format}`, {
    headers,
  });
  return {
    status: response.status,
    headers: response.headers,
    bytes: Buffer.from(await response.arrayBuffer()),
  };
}

const characterPath = (documentId: string) => `/content-manager/collection-types/${uid}/${documentId}`;

describe('an imported card', () => {
  it('of JSON is a draft, and exports equal', async () => {
    const { status, body } = await send(json);
    expect({ status, body }).toEqual({
      status: 201,
      body: {
        data: {
          documentId: expect.any(String),
          name: 'Ada',
          hasPicture: false,
          unused: ['1 alternate greetings'],
        },
      },
    });
    const { documentId } = body.data;
    const draft = await app.admin.client.get(characterPath(documentId));
    expect(draft.body.data).toMatchObject({
      name: 'Ada',
      prompt: 'You are {{char}}, an engineer.',
      introduce: 'Talks about machines.',
      opening_statement: 'Hello.',
      publishedAt: null,
    });
    const exported = await read(documentId, 'json');
    expect(exported.headers.get('content-disposition')).toBe('attachment; filename="Ada.json"');
    expect(JSON.parse(exported.bytes.toString())).toEqual(card);
  });

  it('of PNG has its picture, which contains no prompt, and exports equal', async () => {
    const { status, body } = await send(png);
    expect({ status, hasPicture: body.data.hasPicture }).toEqual({ status: 201, hasPicture: true });
    const { documentId } = body.data;
    await app.admin.publish(documentId);
    const user = await app.createUser();
    const shown = await user.get(`/api/ai-characters/${documentId}?populate=avatar`);
    const response = await fetch(`${app.url}${String(shown.body.data.avatar.url)}`);
    const picture = Buffer.from(await response.arrayBuffer());
    expect(isPng(picture)).toBe(true);
    expect(readTexts(picture).size).toBe(0);
    expect(shown.text).not.toMatch(/alternate_greetings|"card"/u);
    const exported = await read(documentId, 'png');
    expect(readCard(exported.bytes).raw).toEqual(card);
  });

  it('exports what was edited since', async () => {
    const { documentId } = (await send(json)).body.data;
    await app.admin.publish(documentId, { opening_statement: 'Welcome.' });
    const { bytes } = await read(documentId, 'json');
    expect(JSON.parse(bytes.toString())).toEqual({ ...card, data: { ...card.data, first_mes: 'Welcome.' } });
  });
});

it('the macros of a card are filled in for users and for Dify', async () => {
  const macros = { ...card, data: { ...card.data, first_mes: 'Hello {{user}}, I am {{char}}.' } };
  const { documentId } = (await send(Buffer.from(JSON.stringify(macros)))).body.data;
  await app.admin.publish(documentId);
  const user = await app.createUser();
  const texts = { prompt: 'You are Ada, an engineer.', opening_statement: 'Hello User, I am Ada.' };
  const { body } = await user.get(`/api/ai-characters/${documentId}`);
  expect(body.data).toMatchObject(texts);
  const asked = await user.ask({ character_id: documentId, query: 'Who are you?' });
  expect(asked.status).toBe(200);
  expect(app.dify.requests.at(-1)?.body).toMatchObject({ inputs: { prompt: texts.prompt } });
});

it('a character without a card and without a picture exports as a PNG', async () => {
  const { documentId } = await app.admin.createCharacter({ name: 'Bo', prompt: 'You are Bo.' });
  const { bytes } = await read(documentId, 'png');
  expect(readCard(bytes).data).toMatchObject({ name: 'Bo', description: 'You are Bo.' });
});

describe('an import is refused', () => {
  it.each([
    ['a text', Buffer.from('hello'), 400, 'The file is neither a PNG picture nor JSON.'],
    ['a picture without a card', onePixel, 400, /has no character card/u],
    ['a file over CARD_LIMIT', Buffer.alloc(102_401), 413, /larger than 102400 bytes/u],
  ])('with a sentence for %s', async (_name, file, status, message) => {
    const reply = await send(file);
    expect(reply).toMatchObject({ status, body: { error: { message: expect.stringMatching(message) } } });
  });

  it('without a file', async () => {
    const reply = await app.admin.client.post('/admin/character-cards', {});
    expect(reply).toMatchObject({
      status: 400,
      body: { error: { message: expect.stringMatching(/"file"/u) } },
    });
  });
});

describe('the routes answer', () => {
  it('403 to a role that may not read or create prompts, and 401 to a user', async () => {
    const { documentId } = (await send(json)).body.data;
    const fields = { fields: ['name'] };
    const role = await app.admin.createRole('names only', [
      { action: 'plugin::content-manager.explorer.create', subject: uid, properties: fields },
      { action: 'plugin::content-manager.explorer.read', subject: uid, properties: fields },
    ]);
    const administrator = await app.admin.createAdministrator(role);
    expect((await send(json, administrator.token)).status).toBe(403);
    expect((await read(documentId, 'json', administrator.token)).status).toBe(403);
    const user = await app.createUser();
    expect((await send(json, user.token)).status).toBe(401);
    expect((await read(documentId, 'json', user.token)).status).toBe(401);
  });

  it('404 for an unknown character, and 400 for another format', async () => {
    const { documentId } = (await send(json)).body.data;
    expect((await read('abcdefghijklmnopqrstuvwx', 'json')).status).toBe(404);
    expect((await read(documentId, 'webp')).status).toBe(400);
  });
});
