import type { CharacterFields } from '../support/admin';
import { startApp, type App } from '../support/app';
import { canaries } from '../support/canaries';
import { createClient, type Client, type Reply } from '../support/client';
import { until } from '../support/until';

const uid = 'api::ai-character.ai-character';
const characters = `/content-manager/collection-types/${uid}`;
const maxPromptChars = 200;
const prompt = 'You are {{char}}, a mathematician.';

let app: App;
let admin: Client;

beforeAll(async () => {
  app = await startApp({
    dify: {
      apps: [
        {
          key: `app-${canaries.key}`,
          mode: 'chat',
          form: [{ type: 'paragraph', variable: 'prompt', maxLength: maxPromptChars }],
        },
      ],
    },
  });
  admin = app.admin.client;
});
afterAll(() => app.stop());

/** Saves and publishes, as the button of the form does. */
async function publish(fields: CharacterFields): Promise<Reply> {
  const whole = { name: 'Ada', prompt, ...fields };
  const { documentId } = await app.admin.createDraft(whole);
  return admin.post(`${characters}/${documentId}/actions/publish`, whole);
}

const publishedRows = (name: string) =>
  app.db('ai_characters').where({ name }).whereNotNull('published_at').select('id');

const pathsOf = ({ body }: Reply): unknown =>
  body.error.details.errors.map(({ path }: { path: readonly string[] }) => path.join('.'));

describe('publishing a character', () => {
  it.each<[what: string, fields: CharacterFields, paths: readonly string[]]>([
    ['without a prompt', { prompt: null }, ['prompt']],
    ['with a prompt of spaces', { prompt: ' \n\u200b' }, ['prompt']],
    ['with a prompt of a note only', { prompt: '{{// later}}' }, ['prompt']],
    [
      'with suggested questions that are no list',
      { suggested_questions: { a: 'b' } },
      ['suggested_questions'],
    ],
    ['with a suggested question that is no text', { suggested_questions: ['a', 5] }, ['suggested_questions']],
    ['with an empty suggested question', { suggested_questions: ['a', ' '] }, ['suggested_questions']],
    ['for an upstream that is not set up', { upstream: 'openai' }, ['upstream']],
    [
      'with two problems',
      { prompt: '', suggested_questions: 'Who are you?' },
      ['prompt', 'suggested_questions'],
    ],
  ])('%s returns 400 with the field, and publishes nothing', async (what, fields, paths) => {
    const name = `Ada ${what}`;
    const reply = await publish({ ...fields, name });
    expect([reply.status, reply.body.error.name, pathsOf(reply)]).toEqual([400, 'ValidationError', paths]);
    expect(await publishedRows(name)).toEqual([]);
  });

  it('with a prompt and a list of questions returns 200', async () => {
    const { status } = await publish({ suggested_questions: ['Who are you?'] });
    expect(status).toBe(200);
  });

  it('returns 400 if the filled-in prompt is longer than the variable of the Dify app', async () => {
    // The check of the upstream reads the limit soon after the first publish.
    const name = 'N'.repeat(20);
    const fits = { name, prompt: `{{char}}${'😀'.repeat(maxPromptChars - name.length)}` };
    expect((await publish(fits)).status).toBe(200);
    const tooLong = { name, prompt: `${fits.prompt}!` };
    let reply = await publish(tooLong);
    await until(async () => (reply = await publish(tooLong)).status === 400);
    expect(pathsOf(reply)).toEqual(['prompt']);
    expect(reply.body.error.message).toContain(`${maxPromptChars} characters`);
    expect((await publish(fits)).status).toBe(200);
  });

  it('in bulk returns 400, and publishes none of them', async () => {
    const good = await app.admin.createDraft({ name: 'Bulk', prompt });
    const bad = await app.admin.createDraft({ name: 'Bulk' });
    const documentIds = [good.documentId, bad.documentId];
    const reply = await admin.post(`${characters}/actions/bulkPublish`, { documentIds });
    expect([reply.status, pathsOf(reply)]).toEqual([400, ['prompt']]);
    expect(await publishedRows('Bulk')).toEqual([]);
  });
});

describe('an API token', () => {
  let token: Client;
  beforeAll(async () => {
    const full = { name: 'full', description: '', type: 'full-access', lifespan: null };
    const { body } = await admin.post('/admin/api-tokens', full);
    token = createClient(app.url, String(body.data.accessKey));
  });

  it('cannot create a published character without a prompt, and leaves no draft', async () => {
    const reply = await token.post('/api/ai-characters', { data: { name: 'By token' } });
    expect([reply.status, pathsOf(reply)]).toEqual([400, ['prompt']]);
    expect(await app.db('ai_characters').where({ name: 'By token' })).toEqual([]);
  });

  it('can create a draft without a prompt', async () => {
    const data = { name: 'Draft by token' };
    expect((await token.post('/api/ai-characters?status=draft', { data })).status).toBe(201);
  });

  it('cannot remove the prompt of a published character', async () => {
    const { documentId } = await app.admin.createCharacter({ name: 'Kept', prompt });
    const reply = await token.request('PUT', `/api/ai-characters/${documentId}`, {
      body: { data: { prompt: '' } },
    });
    expect([reply.status, pathsOf(reply)]).toEqual([400, ['prompt']]);
    const rows = await app.db('ai_characters').where({ name: 'Kept' }).select('prompt');
    expect(rows).toEqual([{ prompt }, { prompt }]);
  });
});

it('a character that an earlier release published without a prompt stays published', async () => {
  const { documentId } = await app.admin.createCharacter({ name: 'Old', prompt });
  await app.db('ai_characters').where({ document_id: documentId }).update({ prompt: null });
  await app.killAndRestart();
  const user = await app.createUser();
  const { body } = await user.get(`/api/ai-characters/${documentId}`);
  expect(body.data).toMatchObject({ documentId, name: 'Old', prompt: null });
});
