import { itInFull } from '../faults/support/scale';
import { parseCard, toPng } from '../../src/strapi/character-cards/card';
import type { AdminPermission } from '../support/admin';
import { startApp, type App } from '../support/app';
import { canaries } from '../support/canaries';
import type { Client } from '../support/client';
import { inHost } from '../support/database';
import { createMcpClient, type McpClient, type ToolResult } from '../support/mcp-client';
import { until } from '../support/until';
import { withMcp } from '../support/with-mcp';

const uid = 'api::ai-character.ai-character';
const tries = { action: 'api::chat-trials.create' };
const readsUsage = { action: 'api::chat-usage.read' };
const fields = ['name', 'prompt', 'introduce', 'opening_statement', 'suggested_questions'];
const reads = {
  action: 'plugin::content-manager.explorer.read',
  subject: uid,
  properties: { fields: ['name', 'prompt'], locales: ['en'] },
};
const creates = {
  action: 'plugin::content-manager.explorer.create',
  subject: uid,
  properties: { fields, locales: ['en'] },
};
const uploads = { action: 'plugin::upload.assets.create' };
const all = [tries, readsUsage, reads, creates, uploads];

const own = [
  'try_character',
  'compare_character_prompts',
  'read_character_comparison',
  'read_character_usage',
  'list_character_versions',
  'import_character_card',
];

let app: App;
let admin: Client;
let documentId: string;
let assistant: McpClient;

const assistantWith = (permissions: readonly AdminPermission[], owner = admin) =>
  createMcpClient(app.url, owner, permissions);

beforeAll(async () => {
  app = await startApp({ env: await withMcp() });
  admin = app.admin.client;
  ({ documentId } = await app.admin.createCharacter({ prompt: 'You are Ada, published.' }));
  const body = { prompt: 'You are Ada, a draft.' };
  await admin.request('PUT', `/content-manager/collection-types/${uid}/${documentId}`, { body });
  assistant = await assistantWith(all);
});
afterAll(() => app.stop());
afterEach(() => app.dify.reset());

let earlier = 0;
beforeEach(() => {
  earlier = app.dify.requests.length;
});

/** Returns the questions of this test to Dify. */
const asked = () => app.dify.requests.slice(earlier).filter(({ path }) => path.endsWith('/chat-messages'));
const promptsAsked = () => asked().map(({ body }) => (body as { inputs: { prompt: string } }).inputs.prompt);

async function ok(result: Promise<ToolResult>): Promise<ToolResult['data']> {
  const { isError, text, data } = await result;
  if (isError) throw new Error(text);
  expect(JSON.parse(text)).toEqual(data);
  return data;
}

/** Starts a comparison, and returns its result. */
async function compare(args: object, by = assistant): Promise<ToolResult['data']> {
  const { comparison_id } = await ok(by.call('compare_character_prompts', { documentId, ...args }));
  const read = () => ok(by.call('read_character_comparison', { comparison_id }));
  await until(async () => (await read()).state !== 'running');
  return read();
}

describe('an assistant', () => {
  const toolsWith = async (...permissions: AdminPermission[]) => {
    const tools = await (await assistantWith(permissions)).listTools();
    return own.filter((name) => tools.includes(name));
  };

  it('has each tool only with the right of its page', async () => {
    expect(own.filter((name) => !own.includes(name))).toEqual([]);
    expect(await toolsWith(...all)).toEqual(own);
    expect(await toolsWith(tries)).toEqual(own.slice(0, 3));
    expect(await toolsWith(readsUsage)).toEqual(['read_character_usage']);
    expect(await toolsWith(reads)).toEqual(['list_character_versions']);
    expect(await toolsWith(creates)).toEqual(['import_character_card']);
    expect(await toolsWith(uploads)).toEqual([]);
  });

  it('gets nothing from a tool without its right', async () => {
    const without = await assistantWith([uploads]);
    const calls = [
      ['try_character', { documentId, question: 'Hi' }],
      ['compare_character_prompts', { documentId, questions: ['Hi'] }],
      ['read_character_usage', {}],
      ['list_character_versions', { documentId }],
      ['import_character_card', { json: '{}' }],
    ] as const;
    for (const [name, args] of calls) {
      const result = await without.call(name, args);
      expect([result.isError, result.data]).toEqual([true, undefined]);
    }
    expect(asked()).toEqual([]);
  });

  it('may not try a character whose prompt the token may not read', async () => {
    const trier = await assistantWith([tries]);
    for (const [name, args] of [
      ['try_character', { documentId, question: 'Hi' }],
      ['compare_character_prompts', { documentId, questions: ['Hi'] }],
    ] as const) {
      const { isError, text } = await trier.call(name, args);
      expect(isError).toBe(true);
      expect(text).toMatch(/may not read the prompt/u);
    }
  });

  it('is refused with the token of a user, and without a token', async () => {
    const user = await app.createUser();
    for (const token of [user.token, '']) {
      const response = await fetch(`${app.url}/mcp`, {
        method: 'POST',
        headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list', params: {} }),
      });
      expect(response.status).toBe(401);
    }
  });
});

describe('try_character', () => {
  it('returns the answer of the draft, its tokens and its time', async () => {
    const result = await ok(assistant.call('try_character', { documentId, question: 'Who are you?' }));
    expect(result).toEqual({
      trial_id: expect.any(String),
      answer: expect.stringMatching(/\w/u),
      is_cut: false,
      outcome: 'completed',
      error: null,
      usage: expect.objectContaining({ total_tokens: expect.any(Number) }),
      seconds: expect.any(Number),
      version: null,
    });
    expect(promptsAsked()).toEqual(['You are Ada, a draft.']);
    const { body } = await admin.get(`/admin/character-chat/trials?documentId=${documentId}`);
    expect(body.data[0]).toMatchObject({
      query: 'Who are you?',
      answer: result.answer,
      editor: 'Ada Editor',
    });
  });

  it('asks the published version or an earlier one, and continues a trial', async () => {
    const ask = (args: object) =>
      ok(assistant.call('try_character', { documentId, question: 'Hi', ...args }));
    const { trial_id, version } = await ask({ prompt: 'published' });
    expect(version).toBe(1);
    await ask({ prompt: 1 });
    await ask({ prompt: 'published', trial_id });
    expect(promptsAsked()).toEqual(Array(3).fill('You are Ada, published.'));
    const conversations = asked().map(({ body }) => (body as { conversation_id: string }).conversation_id);
    expect(conversations).toEqual(['', '', expect.stringMatching(/\w/u)]);
  });

  it('returns the error of the upstream, and refuses what does not exist', async () => {
    app.dify.next('plain-500');
    expect(await ok(assistant.call('try_character', { documentId, question: 'Hi' }))).toMatchObject({
      outcome: 'failed',
      error: expect.stringMatching(/\w/u),
    });
    for (const [args, sentence] of [
      [{ documentId: 'unknown' }, /no such character/u],
      [{ prompt: 99 }, /no such version/u],
      [{ question: ' ' }, /question/u],
      [{ question: 'x'.repeat(20_001) }, /question/u],
    ] as const) {
      const result = await assistant.call('try_character', {
        documentId,
        question: 'Hi',
        ...(args as object),
      });
      expect([result.isError, result.text]).toEqual([true, expect.stringMatching(sentence)]);
    }
  });

  it('tells no key of a character', async () => {
    const secret = { prompt: 'You are secret.', upstream: 'dify', upstream_key: canaries.characterKey };
    const { documentId: keyed } = await app.admin.createCharacter(secret);
    for (const [name, args] of [
      ['try_character', { question: 'Hi' }],
      ['list_character_versions', {}],
    ] as const)
      await assistant.call(name, { documentId: keyed, ...args });
    const result = await compare({ documentId: keyed, one: 'published', other: 1, questions: ['Hi'] });
    expect(result.state).toBe('completed');
  });
});

describe('compare_character_prompts', () => {
  it('asks two prompts the same questions, and its result can be read', async () => {
    const result = await compare({ questions: ['Who are you?', 'And then?'] });
    expect(result).toMatchObject({
      documentId,
      state: 'completed',
      questions: 2,
      one: { prompt: 'draft', version: null, hash: expect.stringMatching(/^[\da-f]{64}$/u) },
      other: { prompt: 'published', version: 1 },
    });
    expect(result.answers.map(({ question }: { question: string }) => question)).toEqual([
      'Who are you?',
      'And then?',
    ]);
    expect(result.answers[0].one).toEqual({
      answer: expect.stringMatching(/\w/u),
      is_cut: false,
      outcome: 'completed',
      error: null,
      usage: expect.objectContaining({ total_tokens: expect.any(Number) }),
      seconds: expect.any(Number),
    });
    expect(promptsAsked().sort()).toEqual([
      ...Array(2).fill('You are Ada, a draft.'),
      ...Array(2).fill('You are Ada, published.'),
    ]);
  });

  it('runs once at a time for an administrator, and nobody else can read it', async () => {
    const holds = () =>
      app.dify.script(async (reply) => {
        await reply.say('Hel');
        await reply.closed;
      });
    holds();
    holds();
    const args = { documentId, questions: ['Hi'] };
    const { comparison_id } = await ok(assistant.call('compare_character_prompts', args));
    const second = await assistant.call('compare_character_prompts', args);
    expect([second.isError, second.text]).toEqual([true, expect.stringMatching(/still runs/u)]);
    const createsTokens = ['access', 'create', 'read'].map((name) => ({
      action: `admin::admin-tokens.${name}`,
    }));
    const role = await app.admin.createRole('assistants', [tries, reads, ...createsTokens]);
    const other = await assistantWith([tries, reads], await app.admin.createAdministrator(role));
    expect((await other.call('read_character_comparison', { comparison_id })).text).toMatch(
      /no such comparison/u,
    );
    await app.signal('SIGTERM');
    await app.restart();
    const after = await ok(assistant.call('read_character_comparison', { comparison_id }));
    expect(after.answers.map(({ one }: { one: { outcome: string } }) => one.outcome)).toEqual(['stopped']);
    expect((await compare({ questions: ['Hi'] })).state).toBe('completed');
  });

  itInFull('takes over from a process that was killed, after some minutes', async () => {
    app.dify.script(async (reply) => reply.closed);
    app.dify.script(async (reply) => reply.closed);
    const { comparison_id } = await ok(
      assistant.call('compare_character_prompts', { documentId, questions: ['Hi'] }),
    );
    await until(() => asked().length === 2);
    await app.killAndRestart();
    const saved = Date.now() - 301_000;
    expect(await app.db('chat_comparisons').where({ id: comparison_id }).update({ saved })).toBe(1);
    const read = await ok(assistant.call('read_character_comparison', { comparison_id }));
    expect(read.state).toBe('interrupted');
    expect((await compare({ questions: ['Hi'] })).state).toBe('completed');
  });

  itInFull('refuses too many questions and equal prompts, and forgets a result after a day', async () => {
    for (const [args, sentence] of [
      [{ questions: Array(11).fill('Hi') }, /questions/u],
      [{ questions: ['x'.repeat(4_001)] }, /questions/u],
      [{ questions: ['Hi'], one: 'published' }, /different/u],
    ] as const) {
      const result = await assistant.call('compare_character_prompts', { documentId, ...args });
      expect([result.isError, result.text]).toEqual([true, expect.stringMatching(sentence)]);
    }
    await compare({ questions: ['Hi'] });
    const { id: comparison_id } = await app.db('chat_comparisons').orderBy('started', 'desc').first('id');
    await app.db('chat_comparisons').update({ started: Date.now() - 86_401_000 });
    expect((await assistant.call('read_character_comparison', { comparison_id })).text).toMatch(/for a day/u);
    await app.killAndRestart();
    await until(async () => (await app.db('chat_comparisons')).length === 0);
  });
});

describe('read_character_usage and list_character_versions', () => {
  it('return the sums and the ratings of users, and none of their words', async () => {
    const { documentId: rated } = await app.admin.createCharacter({ prompt: 'You are rated.' });
    const user = await app.createUser();
    const { body } = await user.ask({ character_id: rated, query: 'What is my secret?' });
    const [, answer] = body.data;
    await user.request('PUT', `/api/chat-conversations/messages/${answer.message_id}/feedback`, {
      body: { data: { rating: 'like' } },
    });
    const usage = async () =>
      ok(assistant.call('read_character_usage', { by: 'character', character: rated }));
    await until(async () => (await usage()).totals.messages === 1);
    const read = await usage();
    expect(read.rows).toEqual([expect.objectContaining({ id: rated, messages: 1, likes: 1, dislikes: 0 })]);
    expect(read.rows_left_out).toBe(0);
    const versions = await ok(assistant.call('list_character_versions', { documentId: rated }));
    expect(versions).toMatchObject({ total: 1, versions: [{ version: 1, answers: 1, likes: 1 }] });
    expect(JSON.stringify([read, versions])).not.toContain('secret');
  });

  it('show at most a hundred rows, and refuse a wrong range', async () => {
    const read = await ok(
      assistant.call('read_character_usage', { by: 'day', from: '2026-01-01', to: '2026-12-01' }),
    );
    expect([read.rows.length, read.rows_left_out]).toEqual([100, 235]);
    const wrong = await assistant.call('read_character_usage', { from: '2026-02-01', to: '2026-01-01' });
    expect([wrong.isError, wrong.text]).toEqual([true, expect.stringMatching(/from/u)]);
  });
});

describe('import_character_card', () => {
  const onePixel = Buffer.from(
    'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==',
    'base64',
  );
  const json = JSON.stringify({
    spec: 'chara_card_v2',
    spec_version: '2.0',
    data: { name: 'Grace', description: 'You are {{char}}.', first_mes: 'Hello.', mes_example: 'Hi.' },
  });

  it('creates a draft from JSON or from a picture', async () => {
    const fromJson = await ok(assistant.call('import_character_card', { json }));
    expect(fromJson).toMatchObject({ name: 'Grace', has_picture: false, unused: expect.any(Array) });
    const png = toPng(onePixel, parseCard(json)).toString('base64');
    const fromPng = await ok(assistant.call('import_character_card', { png_base64: png }));
    expect(fromPng).toMatchObject({ name: 'Grace', has_picture: true });
    for (const { documentId: id } of [fromJson, fromPng]) {
      const { body } = await admin.get(`/content-manager/collection-types/${uid}/${id}`);
      expect(body.data).toMatchObject({ name: 'Grace', createdBy: { firstname: 'Ada' }, publishedAt: null });
    }
  });

  it('refuses what is no card', async () => {
    for (const [args, sentence] of [
      [{ json: '{"name":1}' }, /no character card/u],
      [{ png_base64: onePixel.toString('base64') }, /has no character card/u],
      [{}, /either json or png_base64/u],
      [{ json, png_base64: onePixel.toString('base64') }, /either json or png_base64/u],
    ] as const) {
      const result = await assistant.call('import_character_card', args);
      expect([result.isError, result.text]).toEqual([true, expect.stringMatching(sentence)]);
    }
  });
});

(inHost ? it.skip : it)('the MCP server is off by default', async () => {
  const url = await app.startAnother({ MCP_ENABLED: '' });
  expect((await fetch(`${url}/mcp`, { method: 'POST' })).status).toBe(404);
});
