import { startApp, type App } from '../support/app';
import type { Client, Reply } from '../support/client';

const right = 'api::ai-character.ai-character.readDrafts';
/** Text that only the drafts of characters contain. */
const drafted = 'a sentence of the draft';

let app: App;
let user: Client;
let documentId: string;
let draftId: string;

beforeAll(async () => {
  app = await startApp();
  user = await app.createUser();
  const avatar = await app.admin.uploadPicture();
  const character = await app.admin.createCharacter({ name: 'Ada', prompt: 'You are Ada.', avatar });
  documentId = character.documentId;
  await user.ask({ character_id: documentId, query: 'Hi' });
  const url = `/content-manager/collection-types/api::ai-character.ai-character/${documentId}`;
  const changed = { name: 'Ada', prompt: drafted, avatar };
  await app.admin.client.request('PUT', url, { body: changed });
  ({ documentId: draftId } = await app.admin.createDraft({ name: 'Lin', prompt: drafted, avatar }));
});
afterAll(() => app.stop());

let tokens = 0;
async function createToken(type: string, permissions?: readonly string[]): Promise<Client> {
  tokens += 1;
  const { body } = await app.admin.client.post('/admin/api-tokens', {
    name: `token ${tokens}`,
    description: '',
    lifespan: null,
    type,
    ...(permissions !== undefined && { permissions }),
  });
  const headers = { Authorization: `Bearer ${body.data.accessKey}` };
  // The client fails on leaks in replies. Here, the test itself checks replies for drafts, so it uses fetch.
  const get = async (path: string): Promise<Reply> => {
    const response = await fetch(`${app.url}${path}`, { headers });
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, body: JSON.parse(text) };
  };
  return { ...app.anonymous, get };
}

const finds = [
  'api::ai-character.ai-character.find',
  'api::ai-character.ai-character.findOne',
  'api::chat-conversation.chat-conversation.find',
  'api::chat-session.chat-session.find',
  'plugin::upload.content-api.find',
  'plugin::upload.content-api.findOne',
];

const ofDrafts = () => [
  '/api/ai-characters?status=draft',
  '/api/ai-characters?status=',
  '/api/ai-characters?status',
  '/api/ai-characters?status=anything',
  '/api/ai-characters?status[0]=draft',
  '/api/ai-characters?status[$eq]=draft',
  '/api/ai-characters?status=published&status=draft',
  '/api/ai-characters?publicationFilter=never-published',
  '/api/ai-characters?publicationFilter=modified',
  '/api/ai-characters?hasPublishedVersion=false',
  '/api/ai-characters?hasPublishedVersion=true',
  `/api/ai-characters/${documentId}?status=draft`,
  `/api/ai-characters/${draftId}?status=draft`,
  `/api/ai-characters/${draftId}?hasPublishedVersion=false`,
  '/api/ai-characters?filters[publishedAt][$null]=true',
  '/api/ai-characters?filters[publishedAt][$notNull]=false',
  '/api/ai-characters?filters[publishedAt]=',
  '/api/ai-characters?filters[publishedAt][$in][0]=',
  '/api/ai-characters?filters[publishedAt][$not][$notNull]=true',
  `/api/ai-characters/${draftId}?filters[publishedAt][$null]=true`,
  '/api/chat-conversations?populate=ai_character&status=draft',
  '/api/chat-sessions?populate=*&status=draft',
  '/api/chat-conversations?filters[ai_character][prompt][$contains]=sentence',
  '/api/chat-conversations?filters[$or][0][ai_character][$and][0][prompt][$contains]=sentence',
  '/api/chat-conversations?filters[$not][ai_character][prompt][$contains]=sentence',
  '/api/chat-conversations?filters[session][ai_character][prompt][$contains]=sentence',
  '/api/chat-conversations?sort=ai_character.prompt',
  '/api/chat-conversations?sort[0]=query:asc&sort[1]=ai_character.prompt:desc',
  '/api/chat-conversations?sort[ai_character][prompt]=asc',
  '/api/chat-conversations?sort[session][ai_character][prompt]=asc',
  '/api/chat-sessions?filters[ai_character][name][$eq]=Ada',
  '/api/chat-conversations?populate[session][filters][ai_character][prompt][$contains]=sentence',
  '/api/chat-conversations?populate[session][sort]=ai_character.prompt',
  '/api/upload/files?status=draft&populate=*',
  '/api/upload/files?populate=*',
  '/api/upload/files?populate=folder,related',
  '/api/upload/files?populate[0]=related',
  '/api/upload/files?populate[related]=true',
  '/api/upload/files?populate[related][populate]=*',
  '/api/upload/files?populate[related][on][api::ai-character.ai-character]=true',
  '/api/ai-characters?populate=avatar.related',
  '/api/ai-characters?populate[avatar][populate]=*',
  '/api/ai-characters?populate[avatar][populate]=true',
  '/api/ai-characters?populate[avatar][populate][related]=true',
  '/api/ai-characters?populate[avatar][populate][related][on][api::ai-character.ai-character]=true',
];

/** Returns requests that do not ask for drafts, but whose replies could contain one. */
const ofOthers = () => [
  '/api/ai-characters?populate=*',
  `/api/ai-characters/${draftId}`,
  '/api/ai-characters?filters[$or][0][publishedAt][$null]=true',
  '/api/ai-characters?_q=sentence',
  '/api/chat-conversations?populate=*',
  '/api/chat-conversations?populate[session][populate]=*',
  '/api/chat-conversations?populate[ai_character][status]=draft',
  '/api/chat-conversations?populate[ai_character][filters][publishedAt][$null]=true',
  '/api/chat-sessions?populate=ai_character',
  '/api/upload/files',
  '/api/upload/files?populate=folder',
  '/api/upload/files?filters[related][prompt][$contains]=sentence',
];

describe.each([
  ['a read-only API token', 'read-only', undefined],
  ['a custom API token without the right', 'custom', finds],
] as const)('%s', (_what, type, permissions) => {
  let token: Client;
  beforeAll(async () => {
    token = await createToken(type, permissions);
  });

  it('reads published characters and chats', async () => {
    const { status, body } = await token.get(
      '/api/ai-characters?status=published&filters[publishedAt][$gt]=2020-01-01',
    );
    expect([status, body.data]).toEqual([
      200,
      [expect.objectContaining({ documentId, prompt: 'You are Ada.' })],
    ]);
    expect((await token.get('/api/chat-conversations')).body.data).toHaveLength(2);
    const byId = await token.get(`/api/chat-conversations?filters[ai_character][documentId]=${documentId}`);
    expect([byId.status, byId.body.data?.length]).toEqual([200, 2]);
  });

  it('gets 403 with an explanation when it asks for drafts', async () => {
    for (const path of ofDrafts()) {
      const { status, text, body } = await token.get(path);
      expect([path, status, body.error?.message]).toEqual([
        path,
        403,
        'This API token may not read drafts. Ask for published entries, or give it the right "readDrafts".',
      ]);
      expect(text).not.toContain(drafted);
    }
  });

  it('gets no draft from other requests', async () => {
    for (const path of ofOthers()) {
      const { status, text } = await token.get(path);
      expect([path, status < 500, text.includes(drafted), text.includes('"Lin"')]).toEqual([
        path,
        true,
        false,
        false,
      ]);
    }
  });
});

describe.each([
  ['a full-access API token', 'full-access', undefined],
  ['a custom API token with the right', 'custom', [...finds, right]],
] as const)('%s', (_what, type, permissions) => {
  it('reads drafts', async () => {
    const token = await createToken(type, permissions);
    const { status, body } = await token.get('/api/ai-characters?status=draft&sort=name');
    expect(status).toBe(200);
    expect(body.data.map(({ name }: { name: string }) => name)).toEqual(['Ada', 'Lin']);
    const chats = await token.get(
      '/api/chat-conversations?filters[ai_character][prompt][$contains]=sentence',
    );
    expect(chats.body.data).toHaveLength(2);
  });
});

describe('an end user', () => {
  it('gets no draft, even if the role is granted every read route', async () => {
    for (const action of [...finds, right]) await app.admin.setAllowed(action, true);
    try {
      for (const path of [...ofDrafts(), ...ofOthers()]) {
        const { status, text } = await user.get(path);
        expect([path, status < 500, text.includes(drafted), text.includes('"Lin"')]).toEqual([
          path,
          true,
          false,
          false,
        ]);
      }
      const asked = await user.get('/api/chat-conversations?populate=ai_character&status=draft');
      expect([asked.status, asked.body.error.message]).toEqual([403, 'Drafts are for editors only.']);
    } finally {
      for (const action of finds.slice(2)) await app.admin.setAllowed(action, false);
      await app.admin.setAllowed(right, false);
    }
  });
});

describe('the right to read drafts', () => {
  it('is shown in the editor of API tokens', async () => {
    const { body } = await app.admin.client.get('/admin/content-api/permissions');
    expect(body.data['api::ai-character'].controllers['ai-character']).toContain('readDrafts');
  });
});
