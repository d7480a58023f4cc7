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

/** Counts the reads of characters. The copy of an ended turn to the history only joins them, and does not count. */
async function readsOf(request: () => Promise<unknown>): Promise<number> {
  const statements = await statementsOf(app, request);
  return statements.filter((statement) => /select .* from .ai_characters/u.test(statement)).length;
}

describe('a cached character', () => {
  it('is read once for many questions', async () => {
    const { documentId } = await app.admin.createCharacter({ prompt: 'You are Ada.' });
    expect(await readsOf(() => ask(documentId))).toBe(1);
    expect(await readsOf(() => ask(documentId))).toBe(0);
  });

  it('answers with its new prompt immediately after its publication', async () => {
    const { documentId, id } = await app.admin.createCharacter({ prompt: 'You are Ada.' });
    await ask(documentId);
    await app.admin.publish(documentId, { name: 'Ada', prompt: 'You are Grace.' });
    await ask(documentId);
    expect(lastPrompt()).toBe('You are Grace.');
    await ask(id);
    expect(lastPrompt()).toBe('You are Grace.');
  });

  it('neither answers nor appears in my-list after it is unpublished', async () => {
    const { documentId, id } = await app.admin.createCharacter({ name: 'Gone', introduce: 'Hello.' });
    await ask(documentId);
    const shown = async () => (await user.myList(`?filters[ai_character][id]=${id}`)).body.data[0];
    expect((await shown()).ai_character.name).toBe('Gone');
    await app.admin.action(documentId, 'unpublish');
    expect((await ask(documentId)).status).toBe(400);
    expect((await shown()).ai_character.name ?? null).toBeNull();
  });

  it('still answers after its draft is discarded', async () => {
    const { documentId } = await app.admin.createCharacter({ name: 'Kept' });
    await ask(documentId);
    await app.admin.action(documentId, 'discard');
    const { status, body } = await ask(documentId);
    expect([status, body.data[1].ai_character.name]).toEqual([200, 'Kept']);
  });
});
