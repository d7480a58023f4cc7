import { cacheApps, parseApp, toModelConfig } from '../../../src/upstream/dify-console/app-config';
import { thrown } from '../../chat/support/collect';

const app = parseApp(
  JSON.stringify({
    mode: 'chat',
    model_config: {
      pre_prompt: '{{prompt}}',
      prompt_type: 'advanced',
      user_input_form: [{ paragraph: { variable: 'prompt', required: true } }],
      agent_mode: { enabled: true, tools: [{ tool_name: 'current_time' }] },
      model: { provider: 'openai', name: 'gpt', mode: 'chat', completion_params: { stop: [], top_p: 1 } },
    },
  }),
);

describe('toModelConfig', () => {
  it('keeps the configuration of the app, and replaces its prompt and its variables', () => {
    expect(toModelConfig(app, { prompt: 'You are Ada.' })).toEqual({
      pre_prompt: 'You are Ada.',
      prompt_type: 'simple',
      chat_prompt_config: {},
      completion_prompt_config: {},
      user_input_form: [],
      agent_mode: { enabled: true, tools: [{ tool_name: 'current_time' }] },
      model: { provider: 'openai', name: 'gpt', mode: 'chat', completion_params: { stop: [], top_p: 1 } },
    });
  });

  it('adds parameters to those of the app', () => {
    const { model } = toModelConfig(app, { prompt: '', parameters: { top_p: 0.5, temperature: 0.1 } });
    expect(model).toMatchObject({
      name: 'gpt',
      completion_params: { stop: [], top_p: 0.5, temperature: 0.1 },
    });
  });

  it('does not give the parameters of the app to another model', () => {
    const model = { provider: 'anthropic', name: 'claude' };
    expect(toModelConfig(app, { prompt: '', model })['model']).toEqual({
      ...model,
      mode: 'chat',
      completion_params: {},
    });
  });

  it('keeps the provider of the app for a model without one', () => {
    const model = { name: 'gpt-large' };
    expect(toModelConfig(app, { prompt: '', model })['model']).toEqual({
      provider: 'openai',
      name: 'gpt-large',
      mode: 'chat',
      completion_params: {},
    });
  });

  it('sends no model for an app without one, so that Dify refuses the question', () => {
    const bare = parseApp('{"mode": "chat", "model_config": null}');
    expect(toModelConfig(bare, { prompt: 'x' })['model']).toEqual({ completion_params: {} });
  });
});

describe('parseApp', () => {
  it.each(['<html>', '[]', '{"model_config": {}}'])('refuses %s', async (body) => {
    expect(await thrown(() => parseApp(body))).toMatchObject({ code: 'upstream-malformed' });
  });
});

describe('cacheApps', () => {
  it('reads an app once for callers at the same time and after each other', async () => {
    const read: string[] = [];
    const apps = cacheApps(async (appId) => {
      read.push(appId);
      return app;
    });
    expect(await Promise.all([apps('a'), apps('a'), apps('b')])).toEqual([app, app, app]);
    expect(await apps('a')).toBe(app);
    expect(read).toEqual(['a', 'b']);
  });

  it('does not cache a failure', async () => {
    let reads = 0;
    const apps = cacheApps(async () => {
      reads += 1;
      if (reads === 1) throw new Error('The first read fails.');
      return app;
    });
    await thrown(apps('a'));
    expect(await apps('a')).toBe(app);
  });
});
