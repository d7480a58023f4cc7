import { startApp, type App } from '../support/app';
import type { Client, Reply } from '../support/client';
import { pixel } from '../support/multipart';

let app: App;
let ann: Client;
let character: string;

beforeAll(async () => {
  app = await startApp({
    dify: { apps: [{ key: 'app-of-files', mode: 'chat', takesFiles: true }] },
    env: { CHAT_FILE_MAX_BYTES: '100000' },
  });
  character = (await app.admin.createCharacter()).documentId;
  ann = await app.createUser();
});
afterAll(() => app.stop());
afterEach(() => app.dify.reset());

interface Form {
  readonly character_id?: string;
  readonly name?: string;
  readonly type?: string;
  readonly bytes?: Uint8Array;
}

/** Uploads a file. A form without `bytes` has a picture. */
async function upload(user: Client, form: Form = {}): Promise<Reply> {
  const { character_id = character, name = '海.png', type = 'image/png', bytes = pixel } = form;
  const sent = new FormData();
  sent.set('file', new File([new Uint8Array(bytes)], name, { type }));
  sent.set('character_id', character_id);
  const encoded = new Response(sent);
  return user.request('POST', '/api/chat-conversations/files', {
    rawBody: new Uint8Array(await encoded.arrayBuffer()),
    headers: { 'Content-Type': encoded.headers.get('content-type') ?? '' },
  });
}

describe('POST /api/chat-conversations/files', () => {
  it("replies in Dify's shape, and passes the file to Dify for this user", async () => {
    const { status, body } = await upload(ann);
    expect(status).toBe(201);
    expect(body).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/u),
      name: '海.png',
      size: pixel.length,
      extension: 'png',
      mime_type: 'image/png',
      created_by: ann.user.documentId,
      created_at: expect.any(Number),
    });
    const sent = app.dify.requests.find(({ path }) => path === '/v1/files/upload');
    expect(sent?.body).toEqual({
      user: `user-${ann.user.documentId}`,
      file: { name: '海.png', type: 'image/png', bytes: pixel },
    });
    expect(await app.db('chat_files').where({ file_id: body.id }).first()).toMatchObject({
      user_document_id: ann.user.documentId,
      content: null,
    });
  });

  it.each<[string, number, string, () => Form]>([
    ['a larger file', 413, 'payload-too-large', () => ({ bytes: new Uint8Array(100_001) })],
    ['a much larger file', 413, 'payload-too-large', () => ({ bytes: new Uint8Array(1_000_000) })],
    ['another media type', 415, 'unsupported-media-type', () => ({ type: 'text/html' })],
    ['another extension', 415, 'unsupported-media-type', () => ({ name: 'sea.svg' })],
    ['an empty file', 400, 'invalid-request', () => ({ bytes: new Uint8Array() })],
    ['a name that is too long', 400, 'invalid-request', () => ({ name: `${'x'.repeat(300)}.png` })],
    ['an unknown character', 400, 'character-not-found', () => ({ character_id: 'nobody' })],
    ['an invalid character', 400, 'invalid-request', () => ({ character_id: '' })],
  ])('refuses %s', async (_what, status, code, form) => {
    const reply = await upload(ann, form());
    expect(reply.status).toBe(status);
    expect(reply.body.error.details.code).toBe(code);
  });

  it('refuses JSON and a form without a file', async () => {
    const path = '/api/chat-conversations/files';
    const reply = await ann.post(path, { character_id: character });
    expect(reply.body.error).toMatchObject({ status: 400, message: 'file must be one file, with a name.' });
    const form = new FormData();
    form.set('character_id', character);
    form.set('file', 'no file');
    const encoded = new Response(form);
    const refused = await ann.request('POST', path, {
      rawBody: new Uint8Array(await encoded.arrayBuffer()),
      headers: { 'Content-Type': encoded.headers.get('content-type') ?? '' },
    });
    expect(refused.status).toBe(400);
  });

  it('asks an anonymous client to log in', async () => {
    expect((await upload(app.anonymous)).status).toBe(401);
  });
});
