import { createDifyEmulator, type DifyEmulator } from './index';
import { readJson } from './test-client';

let dify: DifyEmulator;

afterEach(() => dify.close());

describe('GET /parameters', () => {
  it('returns the prompt variable, and needs no user', async () => {
    dify = await createDifyEmulator().listen();
    const { status, json } = await readJson(dify, '/v1/parameters');
    expect(status).toBe(200);
    expect(json).toMatchObject({
      opening_statement: '',
      user_input_form: [
        { paragraph: { label: 'Character prompt', variable: 'prompt', required: false, default: '' } },
      ],
    });
  });
});

describe('GET /info', () => {
  it('returns the mode in 1.x only', async () => {
    dify = await createDifyEmulator().listen();
    expect((await readJson(dify, '/v1/info')).json).toMatchObject({ name: 'Characters', mode: 'chat' });
    await dify.close();
    dify = await createDifyEmulator({ profile: '0.15' }).listen();
    expect((await readJson(dify, '/v1/info')).json).not.toHaveProperty('mode');
  });
});

describe('GET /meta', () => {
  it('returns the icons of the tools of an app', async () => {
    dify = await createDifyEmulator().listen();
    expect((await readJson(dify, '/v1/meta')).json).toEqual({ tool_icons: {} });
    const agent = await readJson(dify, '/v1/meta', { key: 'app-emulated-agent-chat' });
    expect(agent.json).toMatchObject({ tool_icons: { current_time: expect.stringMatching(/\/icon$/u) } });
  });
});
