import { Readable } from 'node:stream';

import { createUploads } from '../../../src/chat/file/uploads';
import type { QuestionFile } from '../../../src/chat/model/file';
import type { FileUpload } from '../../../src/chat/model/file';
import type { Upstream } from '../../../src/chat/ports/upstream';
import { createDifyEmulator, type DifyEmulator } from '../../dify-emulator';
import { consoleUpstream } from '../../upstream/dify-console/support/console';
import { openAiClient, openAiSettings } from '../../upstream/openai/support/openai';
import { difyClient, difySettings } from '../support/dify';
import { ada, bob, keeper } from '../support/fixtures';
import { createMemoryCharacters } from '../support/memory-characters';
import { createMemoryFileStore } from '../support/memory-file-store';

const settings = {
  maxBodyBytes: 1_000_000,
  maxBytes: 10,
  mimeTypes: ['image/png', 'application/pdf'],
  extensions: ['png', 'pdf'],
  maxFiles: 3,
  hosts: ['cdn.example'],
};

function file(changes: Partial<FileUpload> = {}): FileUpload {
  const open = () => Readable.from([Buffer.from('picture')]);
  return { name: 'Sea.PNG', mimeType: 'image/png', size: 7, open, ...changes };
}

function create(upstream: Upstream, changes: Partial<typeof settings> = {}) {
  const counted: number[] = [];
  const named = { id: 'one', upstream, model: null };
  const uploads = createUploads({
    settings: { ...settings, ...changes },
    store: createMemoryFileStore(),
    characters: createMemoryCharacters([keeper]),
    upstreams: { choose: async () => named },
    writes: { count: async (_owner, chars = 0) => void counted.push(chars) },
  });
  return { uploads, counted, named };
}

const local = (id: string): QuestionFile => ({
  type: 'image',
  transfer_method: 'local_file',
  upload_file_id: id,
});
const remote = (url: string): QuestionFile => ({ type: 'image', transfer_method: 'remote_url', url });

describe('an upload for an upstream that keeps files', () => {
  let dify: DifyEmulator;
  beforeEach(async () => {
    dify = await createDifyEmulator().listen();
  });
  afterEach(() => dify.close());
  const createForDify = (changes: Partial<typeof settings> = {}) =>
    create(difyClient(difySettings(dify)), changes);

  it('is passed on and counted as a write', async () => {
    const { uploads, counted } = createForDify();
    const { id, ...upload } = await uploads.add(ada, keeper.documentId, file());
    expect(upload).toMatchObject({ name: 'Sea.PNG', mimeType: 'image/png', size: 7, upstreamId: 'one' });
    expect(dify.requests[0]).toMatchObject({ path: '/v1/files/upload', body: { user: 'user-doc-ada' } });
    expect(counted).toEqual([0]);
    expect(await uploads.read(ada, 'one', id)).toBeNull();
  });

  it.each<[string, Partial<FileUpload>, Partial<typeof settings>, string]>([
    ['a larger file', { size: 11 }, {}, 'payload-too-large'],
    ['another media type', { mimeType: 'text/html' }, {}, 'unsupported-media-type'],
    ['another extension', { name: 'sea.exe' }, {}, 'unsupported-media-type'],
    ['no extension', { name: 'png' }, {}, 'unsupported-media-type'],
    ['files that are turned off', {}, { maxFiles: 0 }, 'unsupported-media-type'],
  ])('is refused for %s, before Dify gets it', async (_what, changes, others, code) => {
    const { uploads } = createForDify(others);
    await expect(uploads.add(ada, keeper.documentId, file(changes))).rejects.toMatchObject({ code });
    expect(dify.requests).toEqual([]);
  });

  it('is refused for an unknown character', async () => {
    const { uploads } = createForDify();
    await expect(uploads.add(ada, 'nobody', file())).rejects.toMatchObject({ code: 'character-not-found' });
  });

  it('can only be used by its user and at its upstream', async () => {
    const { uploads, named } = createForDify();
    const { id } = await uploads.add(ada, keeper.documentId, file());
    await uploads.check(ada, named, [local(id)]);
    const unusable = (given: string) => ({
      code: 'invalid-request',
      message:
        'data.files.0.upload_file_id is no file that you have uploaded for this character. Upload it again.',
      details: { upload_file_id: given },
    });
    await expect(uploads.check(bob, named, [local(id)])).rejects.toMatchObject(unusable(id));
    await expect(uploads.check(ada, { ...named, id: 'two' }, [local(id)])).rejects.toMatchObject(
      unusable(id),
    );
    await expect(uploads.check(ada, named, [local('none')])).rejects.toMatchObject(unusable('none'));
  });
});

describe('a character', () => {
  let dify: DifyEmulator | undefined;
  afterEach(() => dify?.close());

  async function startDify(takesFiles: boolean): Promise<DifyEmulator> {
    dify = await createDifyEmulator({
      apps: [{ key: 'app-emulated-chat', mode: 'chat', takesFiles }],
    }).listen();
    return dify;
  }
  const readings = async (upstream: Upstream, changes: Partial<typeof settings> = {}) => {
    const { uploads } = create(upstream, changes);
    return [await uploads.takesFiles(keeper), await uploads.takesFiles(keeper)];
  };

  it.each([true, false])('takes files if its Dify app does: %s', async (takesFiles) => {
    const started = await startDify(takesFiles);
    expect(await readings(difyClient(difySettings(started)))).toEqual([takesFiles, takesFiles]);
    expect(started.requests.map(({ path }) => path)).toEqual([expect.stringMatching(/^\/v1\/parameters/u)]);
  });

  it.each([true, false])('takes files if its app in the console does: %s', async (takesFiles) => {
    expect(await readings(consoleUpstream(await startDify(takesFiles)))).toEqual([takesFiles, takesFiles]);
  });

  it('takes images if its upstream does not say', async () => {
    const upstream = openAiClient(openAiSettings({ url: 'http://127.0.0.1:9', apiKey: '' }));
    expect(await readings(upstream)).toEqual([true, true]);
  });

  it('takes no files where the settings allow none, and while its upstream is down', async () => {
    const upstream = difyClient(difySettings(await startDify(true)));
    expect(await readings(upstream, { maxFiles: 0 })).toEqual([false, false]);
    await dify?.close();
    expect(await readings(upstream)).toEqual([false, false]);
  });
});

describe('an upload for an upstream that keeps no files', () => {
  const openAi = () => openAiClient(openAiSettings({ url: 'http://127.0.0.1:9', apiKey: 'key' }));

  it('is kept by the server, and counts as stored text', async () => {
    const { uploads, counted } = create(openAi());
    const { id } = await uploads.add(ada, keeper.documentId, file());
    const kept = { mimeType: 'image/png', base64: Buffer.from('picture').toString('base64') };
    expect(await uploads.read(ada, 'one', id)).toEqual(kept);
    expect(counted).toEqual([kept.base64.length]);
    expect(await uploads.read(bob, 'one', id)).toBeNull();
  });

  it('must be an image', async () => {
    const { uploads } = create(openAi());
    const pdf = file({ name: 'a.pdf', mimeType: 'application/pdf' });
    await expect(uploads.add(ada, keeper.documentId, pdf)).rejects.toMatchObject({
      code: 'unsupported-media-type',
      message: 'This character takes only images.',
    });
  });

  it('cannot be named as anything else in a question', async () => {
    const { uploads, named } = create(openAi());
    const { id } = await uploads.add(ada, keeper.documentId, file());
    await expect(uploads.check(ada, named, [{ ...local(id), type: 'document' }])).rejects.toMatchObject({
      code: 'invalid-request',
      message: 'data.files.0.type must be image for this character.',
    });
  });

  it('is erased after a day, and then unusable', async () => {
    const { uploads, named } = create(openAi());
    const { id } = await uploads.add(ada, keeper.documentId, file());
    await uploads.purge();
    await uploads.check(ada, named, [local(id)]);
    jest.useFakeTimers({ now: Date.now() + 86_400_001, doNotFake: ['nextTick', 'setImmediate'] });
    await uploads.purge();
    jest.useRealTimers();
    await expect(uploads.check(ada, named, [local(id)])).rejects.toMatchObject({ code: 'invalid-request' });
  });
});

describe('the address of a file', () => {
  const check = (url: string) => {
    const { uploads, named } = create(
      openAiClient(openAiSettings({ url: 'http://127.0.0.1:9', apiKey: '' })),
    );
    return uploads.check(ada, named, [remote(url)]);
  };

  it('can be on a host of the settings', async () => {
    await expect(check('https://cdn.example/a.png')).resolves.toBeUndefined();
  });

  it.each([
    'http://127.0.0.1/a.png',
    'https://cdn.example:8443/a.png',
    'https://cdn.example@evil/a.png',
    'https://a.cdn.example/a.png',
  ])('cannot be %s', async (url) => {
    await expect(check(url)).rejects.toMatchObject({ code: 'invalid-request', details: { url } });
  });
});
