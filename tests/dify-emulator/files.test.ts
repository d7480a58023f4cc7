import { createDifyEmulator, type DifyEmulator, type Profile } from './index';
import { answerOf, ask, readEvents, readJson, send, type WireEvent } from './test-client';

const bytes = Buffer.from('a picture');
const apps = [{ key: 'app-files', mode: 'chat', takesFiles: true }] as const;

describe.each<Profile>(['0.15', '1.x'])('files of the emulator as Dify %s', (profile) => {
  let dify: DifyEmulator;

  beforeEach(async () => {
    dify = await createDifyEmulator({ profile, apps, titleDelayMs: 1 }).listen();
  });
  afterEach(() => dify.close());

  const upload = async (path = '/v1/files/upload', headers = {}): Promise<string> => {
    const form = new FormData();
    form.set('user', 'ann');
    form.set('file', new File([bytes], 'sea.png', { type: 'image/png' }));
    const { status, json } = await readJson(dify, path, { body: form, headers });
    expect(status).toBe(201);
    return (json as { id: string }).id;
  };
  const image = (id: string) => ({ type: 'image', transfer_method: 'local_file', upload_file_id: id });
  const filesOf = async (conversationId: unknown) => {
    const path = `/v1/messages?user=ann&conversation_id=${String(conversationId)}`;
    const { data } = (await readJson(dify, path)).json as { data: { message_files: { url: string }[] }[] };
    return data[0]?.message_files ?? [];
  };
  const open = async (url: string) => {
    const { pathname, search } = new URL(url);
    const file = await send(dify, `${pathname}${search}`, { headers: { authorization: '' } });
    await file.over;
    return { status: file.status, text: file.text(), type: file.headers['content-type'] };
  };

  it('opens a signed link without a key, and no forged one', async () => {
    const events = await readEvents(await ask(dify, { files: [image(await upload())] }));
    const [file] = await filesOf(events[0]?.['conversation_id']);
    const url = file?.url ?? '';
    expect(await open(url)).toEqual({ status: 200, text: 'a picture', type: 'image/png' });
    expect(await open(url.replace('nonce=', 'nonce=0'))).toMatchObject({ status: 403 });
  });

  it('sends a file of the answer, and then text under the name of 1.x', async () => {
    dify.script(async (reply) => {
      await reply.say('Look: ');
      await reply.showFile({ name: 'sea.png', mimeType: 'image/png', bytes });
      await reply.say('the sea.');
      await reply.end();
    });
    const events = await readEvents(await ask(dify));
    expect(events.map(({ event }) => event)).toEqual([
      'message',
      'message_file',
      profile === '1.x' ? 'message_file' : 'message',
      'message_end',
    ]);
    expect(answerOf(events)).toBe('Look: the sea.');
    const { type, belongs_to, url } = events[1] as WireEvent;
    expect({ type, belongs_to }).toEqual({ type: 'image', belongs_to: 'assistant' });
    expect(await open(String(url))).toMatchObject({ status: 200, text: 'a picture' });
    expect(await filesOf(events[0]?.['conversation_id'])).toMatchObject([
      { belongs_to: 'assistant', transfer_method: 'tool_file' },
    ]);
  });

  it('takes an upload of a logged-in member of the console', async () => {
    const { email, password } = dify.account;
    const given = profile === '0.15' ? password : Buffer.from(password).toString('base64');
    const login = await readJson(dify, '/console/api/login', { body: { email, password: given } });
    const { data } = login.json as { data?: { access_token: string } };
    const cookies = (login.headers['set-cookie'] ?? []).map((cookie) => cookie.split(';')[0] ?? '');
    const csrf = cookies.find((cookie) => cookie.startsWith('csrf_token='))?.split('=')[1];
    const headers =
      data === undefined
        ? { authorization: '', cookie: cookies.join('; '), 'x-csrf-token': csrf }
        : { authorization: `Bearer ${data.access_token}` };
    const id = await upload('/console/api/files/upload', headers);
    const events = await readEvents(await ask(dify, { files: [image(id)] }));
    expect(await filesOf(events[0]?.['conversation_id'])).toHaveLength(1);
  });
});
