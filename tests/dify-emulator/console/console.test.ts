import { createDifyEmulator, type DifyEmulator, type Profile } from '../index';
import { answerOf, ask, readEvents, readJson, send, type JsonAnswer } from '../test-client';

const unknownId = '8c6b3a52-5e1d-4a3b-9d77-1b5a2c7e9f01';
const providers: Record<Profile, string> = {
  '0.15': 'openai_api_compatible',
  '1.x': 'langgenius/openai_api_compatible/openai_api_compatible',
};

describe.each<Profile>(['0.15', '1.x'])('the console of the emulator as Dify %s', (profile) => {
  let dify: DifyEmulator;
  let headers: Record<string, string>;

  beforeEach(async () => {
    dify = await createDifyEmulator({ profile }).listen();
    headers = headersOf(await logIn());
  });
  afterEach(() => dify.close());

  const logIn = (password = 'Passw0rd123') =>
    readJson(dify, '/console/api/login', {
      body: {
        email: 'owner@example.com',
        password: profile === '0.15' ? password : Buffer.from(password).toString('base64'),
      },
    });
  const app = (key = 'app-emulated-chat') =>
    `/console/api/apps/${dify.apps.find((one) => one.key === key)?.id}`;
  const model = () => ({ provider: providers[profile], name: 'fake', mode: 'chat', completion_params: {} });
  const question = (fields: Record<string, unknown> = {}, config: Record<string, unknown> = {}) => ({
    query: 'How is the sea?',
    inputs: {},
    response_mode: 'streaming',
    model_config: { pre_prompt: 'You are Ada.', user_input_form: [], model: model(), ...config },
    ...fields,
  });

  async function askConsole(fields: Record<string, unknown> = {}, config: Record<string, unknown> = {}) {
    const stream = await send(dify, `${app()}/chat-messages`, { headers, body: question(fields, config) });
    const events = await readEvents(stream);
    const [first] = events;
    return {
      answer: answerOf(events),
      messageId: String(first?.['message_id']),
      conversationId: String(first?.['conversation_id']),
    };
  }

  /** Returns the questions that the model got, oldest first. */
  async function questionsToModel(conversationId: string): Promise<string[][]> {
    const path = `${app()}/chat-messages?conversation_id=${conversationId}`;
    const { json } = await readJson(dify, path, { headers });
    const { data } = json as { data: { message: { role: string; text: string }[] }[] };
    return data.map(({ message }) => message.filter(({ role }) => role === 'user').map(({ text }) => text));
  }

  it('locks the account after five refused logins, also for the right password', async () => {
    for (let refused = 0; refused < 5; refused++)
      expect(await logIn('wrong-one')).toMatchObject({ status: profile === '0.15' ? 400 : 401 });
    expect(await logIn()).toMatchObject({ status: 429, json: { code: 'email_code_login_limit' } });
  });

  it('forgets refused logins after a good one', async () => {
    for (let refused = 0; refused < 4; refused++) await logIn('wrong-one');
    expect((await logIn()).status).toBe(200);
    expect((await logIn('wrong-one')).status).not.toBe(429);
  });

  it('refuses a call after expireLogins', async () => {
    dify.expireLogins();
    expect(await readJson(dify, app(), { headers })).toMatchObject({ status: 401 });
  });

  it('answers as the character of pre_prompt', async () => {
    const { answer } = await askConsole();
    expect(answer).toContain('Ada');
  });

  it('gives the model the thread up to the parent', async () => {
    const first = await askConsole({ query: 'first' });
    const { conversationId: conversation_id, messageId } = first;
    await askConsole({ query: 'second', conversation_id, parent_message_id: messageId });
    await askConsole({ query: 'branch', conversation_id, parent_message_id: messageId });
    await askConsole({ query: 'anew', conversation_id, parent_message_id: null });
    expect(await questionsToModel(conversation_id)).toEqual([
      ['first'],
      ['first', 'second'],
      ['first', 'branch'],
      ['anew'],
    ]);
  });

  it('keeps its conversations apart from those of the Service API', async () => {
    const ofService = String((await readEvents(await ask(dify)))[0]?.['conversation_id']);
    const { conversationId } = await askConsole();
    const list = (id: string) => readJson(dify, `${app()}/chat-messages?conversation_id=${id}`, { headers });
    expect((await list(ofService)).status).toBe(404);
    expect((await list(conversationId)).status).toBe(200);
    expect((await readJson(dify, `/v1/messages?user=ann&conversation_id=${conversationId}`)).status).toBe(
      404,
    );
  });

  it('suggests questions if the first question of the conversation enables them', async () => {
    const { messageId } = await askConsole({}, { suggested_questions_after_answer: { enabled: true } });
    const path = `${app()}/chat-messages/${messageId}/suggested-questions`;
    expect((await readJson(dify, path, { headers })).json).toEqual({ data: expect.any(Array) });
  });

  it('deletes a conversation', async () => {
    const { conversationId } = await askConsole();
    const path = `${app()}/chat-conversations/${conversationId}`;
    expect((await readJson(dify, path, { method: 'DELETE', headers })).status).toBe(204);
    expect((await readJson(dify, path, { method: 'DELETE', headers })).status).toBe(404);
  });

  it('returns 404 for an unknown app', async () => {
    const answer = await readJson(dify, `/console/api/apps/${unknownId}`, { headers });
    expect(answer).toMatchObject({ status: 404, json: { code: 'app_not_found' } });
  });

  it('plays faults', async () => {
    dify.next('json-500');
    const asked = { headers, body: question() };
    expect((await readJson(dify, `${app()}/chat-messages`, asked)).status).toBe(500);
  });
});

/** Returns the headers that a login gives. */
function headersOf({ headers, json }: JsonAnswer): Record<string, string> {
  const cookies = headers['set-cookie']?.map((cookie) => cookie.split(';')[0] ?? '');
  if (cookies) {
    const csrf = cookies.find((cookie) => cookie.startsWith('csrf_token='))?.split('=')[1] ?? '';
    return { cookie: cookies.join('; '), 'x-csrf-token': csrf };
  }
  const { data } = json as { data: { access_token: string } };
  return { authorization: `Bearer ${data.access_token}` };
}
