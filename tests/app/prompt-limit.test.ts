import { startApp, type App } from '../support/app';
import { canaries } from '../support/canaries';

const path = '/admin/character-chat/prompt-limit';
let app: App;

beforeAll(async () => {
  app = await startApp({
    dify: {
      apps: [
        {
          key: `app-${canaries.key}`,
          mode: 'chat',
          form: [{ type: 'paragraph', variable: 'prompt', maxLength: 1_234 }],
        },
      ],
    },
  });
});
afterAll(() => app.stop());

describe('GET /admin/character-chat/prompt-limit', () => {
  it('returns the maximum length of the variable of the Dify app', async () => {
    const { documentId } = await app.admin.createDraft({ name: 'Ada' });
    for (const query of ['', `?documentId=${documentId}`, '?upstream=dify']) {
      const { status, body } = await app.admin.client.get(`${path}${query}`);
      expect([status, body]).toEqual([200, { data: { maxChars: 1_234 } }]);
    }
  });

  it('returns null for an upstream without a limit, and for one that is not set up', async () => {
    for (const upstream of ['openai', 'dify-console']) {
      const { body } = await app.admin.client.get(`${path}?upstream=${upstream}`);
      expect(body).toEqual({ data: { maxChars: null } });
    }
  });

  it('returns 403 without the right to read characters, and 401 for users of the chat', async () => {
    const role = await app.admin.createRole('Nothing', []);
    const nobody = await app.admin.createAdministrator(role);
    expect((await nobody.get(path)).status).toBe(403);
    const user = await app.createUser();
    expect((await user.get(path)).status).toBe(401);
    expect((await app.anonymous.get(path)).status).toBe(401);
  });
});
