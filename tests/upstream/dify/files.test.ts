import { once } from 'node:events';
import http, { type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';

import type { FileContent, FileOfAnswer } from '../../../src/chat/model/file';
import type { ReplyEvent, Upstream, UpstreamQuestion } from '../../../src/chat/ports/upstream';
import { createDifyClient } from '../../../src/upstream/dify/client';
import { toAddress } from '../../../src/upstream/dify/files';
import { askDify, difySettings } from '../../chat/support/dify';
import { createDifyEmulator, type DifyEmulator, type Profile } from '../../dify-emulator';
import { isUploadedFile, isRecord } from '../../dify-emulator/requests';
import { consoleUpstream } from '../dify-console/support/console';

const apps = [{ key: 'app-emulated-chat', mode: 'chat', takesFiles: true }] as const;
const never = new AbortController().signal;

let dify: DifyEmulator;
let server: http.Server | undefined;

async function start(profile: Profile = '1.x'): Promise<void> {
  dify = await createDifyEmulator({ profile, apps, titleDelayMs: 1 }).listen();
}

afterEach(async () => {
  server?.close();
  server?.closeAllConnections();
  server = undefined;
  await dify.close();
});

const serviceUpstream = (fileHosts: readonly string[] = []) =>
  createDifyClient({ settings: difySettings(dify), fileHosts, warn: () => undefined });

/** Starts a server on this machine that is not Dify. @returns its address. */
async function serve(listener: RequestListener): Promise<string> {
  server = http.createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const upload = (content: string, name = 'sea.png') => ({
  name,
  mimeType: 'image/png',
  size: Buffer.byteLength(content),
  open: () => Readable.from([Buffer.from(content)]),
});
const image = (id = '') => ({ type: 'image', transfer_method: 'local_file', upload_file_id: id }) as const;

/** Asks a question whose answer has this file. */
async function askForFile(
  upstream: Upstream,
  url?: string,
  files: UpstreamQuestion['files'] = [],
): Promise<FileOfAnswer> {
  dify.script(async (reply) => {
    await reply.say('Look: ');
    const made = { name: 'sea.png', mimeType: 'image/png', bytes: Buffer.from('the sea') };
    await reply.showFile({ ...made, ...(url !== undefined && { url }) });
    await reply.say('the sea.');
    await reply.end();
  });
  const { events, text: answer } = await askDify(upstream, { files });
  expect(answer).toBe('Look: the sea.');
  const find = <T extends ReplyEvent['type']>(type: T) =>
    events.find((event): event is Extract<ReplyEvent, { type: T }> => event.type === type);
  const { conversationId = null, messageId = '' } = find('identified') ?? {};
  return {
    ...(find('file')?.file ?? { id: '', type: '', url: '' }),
    conversationId,
    messageId,
    user: 'user-ada',
  };
}

const read = async (content: FileContent | null | undefined) =>
  content ? { type: content.mimeType, text: await text(content.body) } : null;

describe.each<[string, Profile, () => Upstream]>([
  ['the Service API of 0.15', '0.15', () => serviceUpstream()],
  ['the Service API of 1.x', '1.x', () => serviceUpstream()],
  ['the console of 0.15', '0.15', () => consoleUpstream(dify)],
  ['the console of 1.x', '1.x', () => consoleUpstream(dify)],
])('files of %s', (_api, profile, createUpstream) => {
  let upstream: Upstream;
  beforeEach(async () => {
    await start(profile);
    upstream = createUpstream();
  });

  it('uploads a file, which a question can name', async () => {
    const id = await upstream.files?.upload(upload('a picture', '灯"塔\r\n.png'), 'user-ada');
    const sent = dify.requests.find(({ path }) => path.endsWith('/files/upload'))?.body;
    const file = isRecord(sent) ? sent['file'] : undefined;
    expect(isUploadedFile(file) && { ...file, bytes: file.bytes.toString() }).toEqual({
      name: '灯"塔\r\n.png',
      type: 'image/png',
      bytes: 'a picture',
    });
    const { error, text: answer } = await askDify(upstream, { files: [image(id)] });
    expect(error).toBeUndefined();
    expect(answer).not.toBe('');
    const message = dify.messages(dify.conversations()[0]?.id ?? '')[0];
    expect(message?.files).toMatchObject([{ type: 'image', file: { id } }]);
  });

  it('opens a file of an answer', async () => {
    const file = await askForFile(upstream);
    expect(await read(await upstream.files?.open(file, never))).toEqual({
      type: 'image/png',
      text: 'the sea',
    });
  });

  it('looks up a new link after the first one has expired', async () => {
    const file = await askForFile(upstream);
    const url = file.url.replace(/timestamp=\d+/u, 'timestamp=1');
    expect(await read(await upstream.files?.open({ ...file, url }, never))).toMatchObject({
      text: 'the sea',
    });
  });

  it('finds the files of a lost answer, and not those of its question', async () => {
    const id = await upstream.files?.upload(upload('a picture'), 'user-ada');
    const { messageId, ...file } = await askForFile(upstream, undefined, [image(id)]);
    const { conversationId, user } = file;
    const lost = { user, query: 'How is the sea?', askedAt: new Date(), conversationId, messageId };
    expect((await upstream.findLostAnswer(lost))?.files).toEqual([
      { id: file.id, type: 'image', url: expect.stringContaining('/files/tools/') },
    ]);
  });

  it('returns null for a file that the conversation does not have', async () => {
    const file = await askForFile(upstream);
    const gone = { ...file, id: 'another', url: file.url.replace('sign=', 'sign=0') };
    expect(await upstream.files?.open(gone, never)).toBeNull();
  });
});

describe('a link to a file of an answer', () => {
  beforeEach(() => start());

  it('is fetched from Dify, whatever host it names', async () => {
    const file = await askForFile(serviceUpstream());
    const url = file.url.replace(/^http:\/\/[^/]+/u, 'http://169.254.169.254');
    expect(await read(await serviceUpstream().files?.open({ ...file, url }, never))).toMatchObject({
      text: 'the sea',
    });
  });

  it('sends Dify no key', async () => {
    const file = await askForFile(serviceUpstream());
    await read(await serviceUpstream().files?.open(file, never));
    const opened = dify.requests.find(({ path }) => path.startsWith('/files/'));
    expect(opened?.headers.authorization).toBeUndefined();
  });

  it('to another host is fetched only if the settings allow the host', async () => {
    const received: (string | undefined)[] = [];
    const url = await serve((req, res) => {
      received.push(req.headers.authorization);
      res.writeHead(200, { 'Content-Type': 'image/png' }).end('elsewhere');
    });
    const file = await askForFile(serviceUpstream(), `${url}/sea.png`);
    dify.conversations().forEach((one) => (one.deleted = true));
    await expect(serviceUpstream().files?.open({ ...file, conversationId: null }, never)).resolves.toBeNull();
    expect(received).toEqual([]);
    const allowed = serviceUpstream([new URL(url).host]);
    expect(await read(await allowed.files?.open(file, never))).toMatchObject({ text: 'elsewhere' });
    expect(received).toEqual([undefined]);
  });

  it('is not followed to another place', async () => {
    const url = await serve((_req, res) => res.writeHead(302, { Location: dify.url }).end());
    const file = await askForFile(serviceUpstream(), `${url}/sea.png`);
    const opened = serviceUpstream([new URL(url).host]).files?.open(file, never);
    await expect(opened).rejects.toMatchObject({ code: 'upstream-malformed' });
  });
});

describe('toAddress', () => {
  beforeEach(() => start());
  const settings = { root: 'https://dify.example/sub', fileHosts: ['cdn.example'] };

  it.each([
    ['/files/tools/a.png?sign=x', 'https://dify.example/sub', '/files/tools/a.png?sign=x'],
    [
      'https://other/files/1-2/file-preview?sign=x',
      'https://dify.example/sub',
      '/files/1-2/file-preview?sign=x',
    ],
    ['https://cdn.example/a.png?b=1', 'https://cdn.example', '/a.png?b=1'],
  ])('takes %s', (url, base, path) => {
    expect(toAddress(url, settings)).toEqual({ base, path });
  });

  it.each([
    ['http://169.254.169.254/latest/meta-data'],
    ['https://cdn.example.evil/a.png'],
    ['https://cdn.example:8443/a.png'],
    ['https://cdn.example@evil/a.png'],
    ['file:///files/passwd'],
    ['//evil/a.png'],
    ['/console/api/apps'],
    ['http://['],
  ])('refuses %s', (url) => {
    expect(toAddress(url, settings)).toBeNull();
  });
});
