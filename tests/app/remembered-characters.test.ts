import { startApp, type App } from '../support/app';
import type { Client } from '../support/client';
import { statementsOf, writingStatements } from '../support/statements';

let app: App;
let user: Client;

beforeAll(async () => {
  app = await startApp({ env: { ...writingStatements, CHAT_REMEMBER_CHARACTERS_SECONDS: '3600' } });
  user = await app.createUser();
});
afterAll(() => app.stop());

const ask = (reference: string | number) => user.ask({ character_id: reference, query: 'Who are you?' });
const lastPrompt = () => {
  const asked = app.dify.requests.filter(({ path }) => path === '/v1/chat-messages').at(-1);
  return (asked?.body as { inputs: { prompt: string } }).inputs.prompt;
};

/** How often the characters were read; the history's copying of an ended turn only joins them. */
async function readsOf(request: () => Promise<unknown>): Promise<number> {
  const statements = await statementsOf(app, request);
  return statements.filter((statement) => /select .* from .ai_characters/u.test(statement)).length;
}

describe('a character', () => {
  it('is read once for many questions', async () => {
    const { documentId } = await app.admin.createCharacter({ prompt: 'You are Ada.' });
    expect(await readsOf(() => ask(documentId))).toBe(1);
    expect(await readsOf(() => ask(documentId))).toBe(0);
  });

  it('answers by its new prompt as soon as that is published', async () => {
    const { documentId, id } = await app.admin.createCharacter({ prompt: 'You are Ada.' });
    await ask(documentId);
    await app.admin.publish(documentId, { name: 'Ada', prompt: 'You are Grace.' });
    await ask(documentId);
    expect(lastPrompt()).toBe('You are Grace.');
    await ask(id);
    expect(lastPrompt()).toBe('You are Grace.');
  });

  it('answers no more as soon as it is unpublished, and is not shown any more', async () => {
    const { documentId, id } = await app.admin.createCharacter({ name: 'Gone', introduce: 'Hello.' });
    await ask(documentId);
    const shown = async () => (await user.myList(`?filters[ai_character][id]=${id}`)).body.data[0];
    expect((await shown()).ai_character.name).toBe('Gone');
    await app.admin.action(documentId, 'unpublish');
    expect((await ask(documentId)).status).toBe(400);
    expect((await shown()).ai_character.name ?? null).toBeNull();
  });

  it('keeps its messages when its draft is discarded', async () => {
    const { documentId } = await app.admin.createCharacter({ name: 'Kept' });
    await ask(documentId);
    await app.admin.action(documentId, 'discard');
    const { status, body } = await ask(documentId);
    expect([status, body.data[1].ai_character.name]).toEqual([200, 'Kept']);
  });
});
