import { askedOf } from '../support/asked';
import { startApp, type App } from '../support/app';
import type { CharacterFields } from '../support/admin';

const character: CharacterFields = {
  name: 'Ada',
  prompt: 'You are {{char}}, and you talk to {{user}}.',
  introduce: 'A friend of <USER>.',
  opening_statement: 'Hello {{ user }}!',
  suggested_questions: ['Do you know {{user}}?'],
};

describe.each([
  ['CHAT_NAME_USERS=true', 'true', (username: string) => username],
  ['no CHAT_NAME_USERS', 'false', () => 'User'],
])('with %s', (_what, value, wordFor) => {
  let app: App;
  beforeAll(async () => {
    app = await startApp({ env: { CHAT_NAME_USERS: value } });
  });
  afterAll(() => app.stop());

  it('{{user}} is the right word for each user, in the prompt and in every reply', async () => {
    const { documentId } = await app.admin.createCharacter(character);
    for (const user of [await app.createUser(), await app.createUser()]) {
      const { username } = (await user.get('/api/users/me')).body;
      const word = wordFor(username);
      const query = `Who am I, ${username}?`;
      const { body } = await user.ask({ character_id: documentId, query });
      expect(askedOf(app, query)).toMatchObject([
        { inputs: { prompt: `You are Ada, and you talk to ${word}.` } },
      ]);
      const texts = {
        prompt: `You are Ada, and you talk to ${word}.`,
        introduce: `A friend of ${word}.`,
        opening_statement: `Hello ${word}!`,
        suggested_questions: [`Do you know ${word}?`],
      };
      expect(body.data[0].ai_character).toMatchObject(texts);
      expect((await user.get(`/api/ai-characters/${documentId}`)).body.data).toMatchObject(texts);
      expect((await user.get(`/api/dify/${documentId}/v1/parameters`)).body).toMatchObject({
        opening_statement: texts.opening_statement,
        suggested_questions: texts.suggested_questions,
      });
    }
  });
});
