import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';

import { startOpenAiEmulator, type OpenAiEmulator } from '../openai-emulator';
import { startApp, type App } from '../support/app';
import { canaries } from '../support/canaries';
import type { Client, Reply, StreamEvent } from '../support/client';
import { pixel } from '../support/multipart';

let app: App;
let openai: OpenAiEmulator;
/** A host that the settings allow. */
let cdn: http.Server;
let cdnUrl: string;
let ann: Client;
let bob: Client;
let character: string;
/** Is answered by the OpenAI-compatible server. */
let other: string;

beforeAll(async () => {
  openai = await startOpenAiEmulator();
  cdn = http.createServer((_req, res) => res.writeHead(200, { 'Content-Type': 'image/png' }).end(pixel));
  cdn.listen(0, '127.0.0.1');
  await once(cdn, 'listening');
  const host = `127.0.0.1:${(cdn.address() as AddressInfo).port}`;
  cdnUrl = `http://${host}/sea.png`;
  app = await startApp({
    dify: { apps: [{ key: `app-${canaries.key}`, mode: 'chat', takesFiles: true }] },
    env: {
      CHAT_FILE_MAX_BYTES: '100000',
      CHAT_FILE_HOSTS: host,
      OPENAI_BASE_URL: openai.url,
      OPENAI_API_KEY: openai.apiKey,
      OPENAI_MODEL: 'emulated-model',
    },
  });
  character = (await app.admin.createCharacter()).documentId;
  other = (await app.admin.createCharacter({ upstream: 'openai' })).documentId;
  ann = await app.createUser();
  bob = await app.createUser();
});
afterAll(async () => {
  await app.stop();
  await openai.close();
  cdn.close();
});
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

describe('GET /api/dify/:character_id/v1/parameters', () => {
  it('says that the character takes files, and how many', async () => {
    const { body } = await ann.get(`/api/dify/${character}/v1/parameters`);
    expect(body.file_upload.image).toMatchObject({ enabled: true, number_limits: 3 });
  });
});

const image = (id: string) => ({ type: 'image', transfer_method: 'local_file', upload_file_id: id });
const idOf = async (user: Client, form?: Form): Promise<string> => (await upload(user, form)).body.id;
const ask = (user: Client, files: unknown, fields: Readonly<Record<string, unknown>> = {}) =>
  user.ask({ character_id: character, query: 'What is this?', files, ...fields });

describe('the files of a question', () => {
  it('go to Dify, and are shown with the question', async () => {
    const file = image(await idOf(ann));
    const { status, body } = await ask(ann, [file]);
    expect(status).toBe(200);
    const [question, answer] = body.data;
    expect([question.files, answer.files]).toEqual([[file], []]);
    expect(answer.answer).not.toBe('');
    expect(app.dify.messages(question.conversation_id)[0]?.files).toMatchObject([
      { type: 'image', file: { id: file.upload_file_id } },
    ]);
    const list = await ann.myList(`?filters[turn_id]=${question.turn_id}&sort=id`);
    expect(list.body.data.map(({ files }: { files: unknown }) => files)).toEqual([[file], []]);
  });

  it.each<[string, (id: string) => Promise<unknown>]>([
    ["another user's upload", async () => image(await idOf(bob))],
    ['an unknown id', async () => image('11111111-1111-4111-8111-111111111111')],
    ['an upload for another upstream', async () => image(await idOf(ann, { character_id: other }))],
  ])('cannot be %s', async (_what, create) => {
    const file = await create('');
    const before = app.dify.requests.length;
    const { status, body } = await ask(ann, [file]);
    expect({ status, error: body.error }).toEqual({
      status: 400,
      error: {
        status: 400,
        name: 'ChatError',
        message:
          'data.files.0.upload_file_id is no file that you have uploaded for this character. Upload it again.',
        details: {
          code: 'invalid-request',
          ...(({ upload_file_id }) => ({ upload_file_id }))(file as never),
        },
      },
    });
    expect(app.dify.requests).toHaveLength(before);
  });

  it('can have an address only on a host that the settings allow', async () => {
    const remote = { type: 'image', transfer_method: 'remote_url', url: cdnUrl };
    expect((await ask(ann, [remote])).body.data[0].files).toEqual([remote]);
    const { body } = await ask(ann, [{ ...remote, url: app.dify.url }]);
    expect(body.error.message).toBe(
      'data.files.0.url is on a host that this server does not allow. Upload the file instead.',
    );
  });

  it('are asked again with the same question, and with an edited one', async () => {
    const file = image(await idOf(ann));
    const [{ turn_id, session_id, message_id }] = (await ask(ann, [file])).body.data;
    const again = await ann.post(`/api/chat-conversations/turns/${turn_id}/regenerate`, {});
    expect(again.body.data[0].files).toEqual([file]);
    const lines = (await ann.get(`/api/chat/sessions/${session_id}/messages`)).body.data;
    const { message_id: row } = lines.items.find(
      (line: { public_id: string }) => line.public_id === message_id,
    );
    const edit = { new_content: 'And this?', regenerate: true };
    await ann.request('PATCH', `/api/chat/messages/${row}`, { body: edit });
    const list = await ann.myList(
      `?filters[session_id]=${session_id}&filters[query]=And this?&filters[role]=user`,
    );
    expect(list.body.data).toMatchObject([{ files: [file], parent_message_id: message_id }]);
  });

  it('are a part of what an Idempotency-Key stands for', async () => {
    const headers = { 'Idempotency-Key': 'a-question-with-a-file' };
    const send = (files: unknown) =>
      ann.request('POST', '/api/chat-conversations/create-message', {
        headers,
        body: { data: { character_id: character, query: 'What is this?', files } },
      });
    const files = [image(await idOf(ann))];
    const first = await send(files);
    const second = await send(files);
    expect(second.body.data[0].turn_id).toBe(first.body.data[0].turn_id);
    expect((await send([])).status).toBe(422);
  });

  it('go to an OpenAI-compatible server as data', async () => {
    const file = image(await idOf(ann, { character_id: other }));
    const { body } = await ask(ann, [file], { character_id: other });
    expect(body.data[0].files).toEqual([file]);
    const { messages } = openai.requests.at(-1)?.body as { messages: { content: unknown }[] };
    expect(messages.at(-1)?.content).toEqual([
      { type: 'text', text: 'What is this?' },
      { type: 'image_url', image_url: { url: `data:image/png;base64,${pixel.toString('base64')}` } },
    ]);
  });
});

describe('a file of an answer', () => {
  /** Asks a question whose answer has a file of this type. */
  async function askForFile(mimeType = 'image/png', name = 'sea.png'): Promise<readonly StreamEvent[]> {
    app.dify.script(async (reply) => {
      await reply.say('Look: ');
      await reply.showFile({ name, mimeType, bytes: pixel });
      await reply.say('the sea.');
      await reply.end();
    });
    return ann.streamAll({ character_id: character, query: 'Show me the sea.' });
  }
  const linkIn = (events: readonly StreamEvent[]): string =>
    events.find(({ event }) => event === 'message_file')?.data.url;

  it('is an event with a link that opens without a login', async () => {
    const events = await askForFile();
    const event = events.find((one) => one.event === 'message_file')?.data;
    expect(event).toMatchObject({ type: 'image', belongs_to: 'assistant', id: expect.any(String) });
    const [, answer] = (events.at(-1) as StreamEvent).data.data;
    expect(answer.answer).toBe('Look: the sea.');
    expect(answer.files).toEqual([
      { id: event.id, type: 'image', belongs_to: 'assistant', url: expect.stringContaining('/files/') },
    ]);
    const response = await fetch(`${app.url}${event.url}`);
    expect(Buffer.from(await response.arrayBuffer())).toEqual(pixel);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'image/png',
      'content-disposition': 'inline',
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none'; sandbox",
    });
  });

  it('is saved, and every list has a new link to it', async () => {
    const events = await askForFile();
    const { turn_id } = (events[0] as StreamEvent).data;
    const { body } = await ann.get(`/api/chat-conversations/turns/${turn_id}`);
    const [, { files }] = body.data.messages;
    expect(files[0].url).not.toBe(linkIn(events));
    expect((await fetch(`${app.url}${files[0].url}`)).status).toBe(200);
  });

  it('can be opened while its answer is still being written', async () => {
    let link: string | undefined;
    app.dify.script(async (reply) => {
      await reply.showFile({ name: 'sea.png', mimeType: 'image/png', bytes: pixel });
      await reply.closed;
    });
    const stream = await ann.stream({ character_id: character, query: 'Show me the sea.' });
    let turn = '';
    for await (const { event, data } of stream.events) {
      if (event !== 'message_file') continue;
      link = data.url;
      turn = data.turn_id;
      break;
    }
    expect((await fetch(`${app.url}${link}`)).status).toBe(200);
    await ann.post(`/api/chat-conversations/turns/${turn}/stop`, {});
  });

  it('shows no address of Dify, and none of its keys', async () => {
    const events = await askForFile();
    const list = (await ann.myList()).text;
    const all = [JSON.stringify(events), list, (await ann.get('/api/chat/export')).text].join();
    expect(all).not.toContain(new URL(app.dify.url).host);
    expect(all).not.toMatch(/sign=|nonce=|files\/tools/u);
  });

  it.each([
    ['text/html', 'page.html'],
    ['image/svg+xml', 'sea.svg'],
  ])('of the type %s is saved by the browser, and not shown', async (type, name) => {
    const response = await fetch(`${app.url}${linkIn(await askForFile(type, name))}`);
    expect(response.headers.get('content-type')).toBe('application/octet-stream');
    expect(response.headers.get('content-disposition')).toBe('attachment');
  });

  it('has the same reply for a forged link and for a file that is gone', async () => {
    const link = linkIn(await askForFile());
    const forged = await app.anonymous.get(`${link.slice(0, -4)}AAAA`);
    expect(forged.status).toBe(404);
    expect(forged.body.error).toMatchObject({
      message: 'There is no such file, or its link has expired.',
      details: { code: 'file-not-found' },
    });
    expect((await app.anonymous.get(`${link.slice(0, -4)}BBBB`)).text).toBe(forged.text);
    expect((await app.anonymous.get('/api/chat-conversations/files/x')).text).toBe(forged.text);
  });
});

describe('own data', () => {
  it('contains the uploads, which an erasure removes', async () => {
    const user = await app.createUser();
    const [atDify, kept] = [await idOf(user), await idOf(user, { character_id: other })];
    const lines = (await user.get('/api/chat/export')).text.trim().split('\n');
    const files = lines.map((line) => JSON.parse(line)).filter(({ type }) => type === 'file');
    expect(files).toMatchObject([
      { id: atDify, name: '海.png' },
      { id: kept, name: '海.png' },
    ]);
    await user.request('DELETE', '/api/chat/me');
    expect(await app.db('chat_files').where({ user_document_id: user.user.documentId })).toEqual([]);
  });
});
