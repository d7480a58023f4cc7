import { startApp, type App } from '../support/app';
import type { Client } from '../support/client';
import { until } from '../support/until';

const page = '/admin/character-chat/conversations';
const auditPath = '/admin/character-chat/chat-audit';
const dayMs = 86_400_000;

let app: App;
let ann: Client;
let bob: Client;
let ada: string;
let grace: string;
let reader: Client;
/** Session ids by what happens in them. */
const sessions: Record<'plain' | 'failed' | 'rated' | 'other' | 'deleted', string> = {
  plain: '',
  failed: '',
  rated: '',
  other: '',
  deleted: '',
};

async function ask(user: Client, character_id: string, query: string, session_id?: string) {
  return user.ask({ character_id, query, session_id });
}

const sessionOf = async (user: Client, character: string, query: string): Promise<string> =>
  (await ask(user, character, query)).body.data[0].session_id;

async function createReader(...rights: string[]): Promise<Client> {
  const permissions = rights.map((action) => ({ action }));
  return app.admin.createAdministrator(
    await app.admin.createRole(`Readers of ${rights.join(' and ')}`, permissions),
  );
}

beforeAll(async () => {
  app = await startApp();
  [ann, bob] = [await app.createUser(), await app.createUser()];
  ada = (await app.admin.createCharacter({ name: 'Ada' })).documentId;
  grace = (await app.admin.createCharacter({ name: 'Grace' })).documentId;
  sessions.plain = await sessionOf(ann, ada, 'Where is the lighthouse?');
  app.dify.next({ name: 'refuse', code: 'invalid_param', message: 'No such input: colour' });
  await ask(ann, ada, 'Will this fail?');
  sessions.failed = (await app.db('chat_sessions').orderBy('id', 'desc').first('session_id')).session_id;
  const { body } = await ask(ann, grace, 'Do you like me?');
  sessions.rated = body.data[0].session_id;
  const [, answer] = body.data;
  const rated = await ann.request('PUT', `/api/chat-conversations/messages/${answer.message_id}/feedback`, {
    body: { data: { rating: 'like' } },
  });
  expect(rated.status).toBe(200);
  sessions.other = await sessionOf(bob, ada, 'What does Bob say about the LIGHTHOUSE?');
  sessions.deleted = await sessionOf(bob, ada, 'The lighthouse is my secret.');
  expect((await bob.request('DELETE', `/api/chat/sessions/${sessions.deleted}`)).status).toBe(200);
  reader = await createReader('api::chats.read');
});
afterAll(() => app.stop());

const idsOf = async (query: string): Promise<string[]> => {
  const { status, body } = await reader.get(`${page}${query}`);
  expect([query, status]).toEqual([query, 200]);
  return body.data.map(({ sessionId }: { sessionId: string }) => sessionId);
};

const audit = () => app.db('chat_audit').orderBy('id');

describe('the list of conversations', () => {
  it('has the sessions of all users, the latest first, and none that a user deleted', async () => {
    expect(await idsOf('')).toEqual([sessions.other, sessions.rated, sessions.failed, sessions.plain]);
  });

  it('names user and character, and counts failed answers and ratings', async () => {
    const { body } = await reader.get(page);
    expect(body.data.slice(1, 3)).toEqual([
      expect.objectContaining({
        user: { id: ann.user.id, documentId: ann.user.documentId, username: ann.user.username },
        character: { documentId: grace, name: 'Grace' },
        messageCount: 2,
        marks: { stopped: 0, interrupted: 0, failed: 0, like: 1, dislike: 0 },
      }),
      expect.objectContaining({ marks: { stopped: 0, interrupted: 0, failed: 1, like: 0, dislike: 0 } }),
    ]);
  });

  it.each<[name: string, query: () => string, expected: (keyof typeof sessions)[]]>([
    ['character', () => `?character=${grace}`, ['rated']],
    ['id of a user', () => `?user=${bob.user.id}`, ['other']],
    ['documentId of a user', () => `?user=${bob.user.documentId}`, ['other']],
    ['username', () => `?user=${bob.user.username}`, ['other']],
    ['email', () => `?user=${encodeURIComponent(bob.user.email)}`, ['other']],
    ['unknown user', () => '?user=nobody', []],
    ['failed answer', () => '?outcome=failed', ['failed']],
    ['stopped answer', () => '?outcome=stopped', []],
    ['pending answer', () => '?outcome=pending', []],
    ['completed answer', () => '?outcome=completed', ['other', 'rated', 'plain']],
    ['rating', () => '?rating=like', ['rated']],
    ['other rating', () => '?rating=dislike', []],
    ['time in the past', () => `?before=${new Date(Date.now() - dayMs).toISOString()}`, []],
    [
      'time until now',
      () => `?from=${new Date(Date.now() - dayMs).toISOString()}&user=${ann.user.id}`,
      ['rated', 'failed', 'plain'],
    ],
    ['character and a user', () => `?character=${ada}&user=${ann.user.id}`, ['failed', 'plain']],
    ['text', () => '?q=lighthouse', ['other', 'plain']],
    ['text and a user', () => `?q=lighthouse&user=${ann.user.id}`, ['plain']],
    ['text and a character', () => `?q=lighthouse&character=${grace}`, []],
  ])('filters by %s', async (_name, query, expected) => {
    expect(await idsOf(query())).toEqual(expected.map((name) => sessions[name]));
  });

  it('shows the found text', async () => {
    const { body } = await reader.get(`${page}?q=lighthouse&user=${bob.user.id}`);
    expect(body.data[0].excerpt).toContainEqual({ text: 'LIGHTHOUSE', isMatch: true });
  });

  it('continues after its last session by a cursor', async () => {
    const carl = await app.createUser();
    for (let count = 0; count < 26; count += 1) await sessionOf(carl, ada, `Question ${count}, zebra`);
    for (const query of [`?user=${carl.user.id}`, `?user=${carl.user.id}&q=zebra`]) {
      const { body } = await reader.get(`${page}${query}`);
      expect(body.data).toHaveLength(25);
      const rest = await idsOf(`${query}&cursor=${body.nextCursor}`);
      const shown: string[] = body.data.map(({ sessionId }: { sessionId: string }) => sessionId);
      // A search can find an older message of a session that it has already found.
      const others = rest.filter((id) => !query.includes('q=') || !shown.includes(id));
      expect(others).toHaveLength(1);
      expect(shown).not.toContain(others[0]);
    }
    await app.db('chat_sessions').where({ user_id: carl.user.id }).update({ is_deleted: true });
  });

  it.each(['?outcome=odd', '?rating=5', '?from=yesterday', '?cursor=x', '?user=', `?q=${'x'.repeat(201)}`])(
    'returns 400 for %s',
    async (query) => {
      expect((await reader.get(`${page}${query}`)).status).toBe(400);
    },
  );
});

describe('a transcript', () => {
  it('has questions and answers in order, with tokens and price', async () => {
    const { body } = await reader.get(`${page}/${sessions.plain}`);
    expect(body.data.session).toMatchObject({ sessionId: sessions.plain, user: { id: ann.user.id } });
    expect(body.data.messages).toEqual([
      expect.objectContaining({ role: 'user', text: 'Where is the lighthouse?', usage: null }),
      expect.objectContaining({
        role: 'assistant',
        outcome: 'completed',
        errorCode: null,
        usage: expect.objectContaining({ totalTokens: expect.any(Number), currency: 'USD' }),
      }),
    ]);
    expect(body.nextAfter).toBeNull();
  });

  it('shows why an answer failed', async () => {
    const { body } = await reader.get(`${page}/${sessions.failed}`);
    expect(body.data.messages[1]).toMatchObject({
      outcome: 'failed',
      errorCode: expect.stringMatching(/^upstream-/u),
      errorDetail: 'No such input: colour',
    });
  });

  it('marks superseded messages, and leaves out deleted ones', async () => {
    const { body } = await ask(ann, ada, 'First words');
    const { session_id: id } = body.data[0];
    await ask(ann, ada, 'Words to delete', id);
    const [, , question] = (await reader.get(`${page}/${id}`)).body.data.messages;
    expect((await ann.request('DELETE', `/api/chat/messages/${question.id}`)).status).toBeLessThan(300);
    await app
      .db('chat_conversations')
      .where({ turn_id: body.data[0].turn_id })
      .update({ is_superseded: true });
    const { messages } = (await reader.get(`${page}/${id}`)).body.data;
    expect(messages.map(({ isSuperseded }: { isSuperseded: boolean }) => isSuperseded)).toEqual([
      true,
      true,
      false,
    ]);
    const questions = messages.filter(({ role }: { role: string }) => role === 'user');
    expect(questions).toEqual([expect.objectContaining({ text: 'First words' })]);
  });

  it('continues after its last message', async () => {
    const { body } = await ask(ann, ada, 'A long talk');
    const { session_id: id } = body.data[0];
    for (let count = 0; count < 25; count += 1) await ask(ann, ada, `More ${count}`, id);
    const first = (await reader.get(`${page}/${id}`)).body;
    expect(first.data.messages).toHaveLength(50);
    const second = (await reader.get(`${page}/${id}?after=${first.nextAfter}`)).body;
    expect(second.data.messages.map(({ role }: { role: string }) => role)).toEqual(['user', 'assistant']);
    expect(second.nextAfter).toBeNull();
  });

  it('returns 404 for a deleted and an unknown session', async () => {
    for (const id of [sessions.deleted, 'unknown']) {
      expect((await reader.get(`${page}/${id}`)).status).toBe(404);
      expect((await reader.get(`${page}/${id}/export?format=json`)).status).toBe(404);
    }
  });
});

describe('an export', () => {
  it('as JSON has the same messages as the page', async () => {
    const shown = (await reader.get(`${page}/${sessions.plain}`)).body.data;
    const { headers, body } = await reader.get(`${page}/${sessions.plain}/export?format=json`);
    expect(headers.get('content-disposition')).toBe(
      `attachment; filename="conversation-${sessions.plain}.json"`,
    );
    expect(body).toEqual({ session: shown.session, messages: shown.messages });
  });

  it('as CSV quotes cells, and disarms formulas', async () => {
    const id = await sessionOf(ann, ada, '=HYPERLINK("http://evil.example"),\nnext');
    const { text, headers } = await reader.get(`${page}/${id}/export?format=csv`);
    expect(headers.get('content-type')).toBe('text/csv; charset=utf-8');
    const [head, question] = text.split('\r\n');
    expect(head).toMatch(/^\uFEFF?time,role,text,outcome,/u);
    expect(question).toContain(`user,"'=HYPERLINK(""http://evil.example""),\nnext",`);
  });

  it('as Markdown quotes every line of a message', async () => {
    const id = await sessionOf(ann, ada, 'One\n# Two');
    const { text } = await reader.get(`${page}/${id}/export?format=md`);
    expect(text).toContain('> One\n> # Two\n');
  });

  it('returns 400 for an unknown format', async () => {
    expect((await reader.get(`${page}/${sessions.plain}/export?format=pdf`)).status).toBe(400);
  });
});

describe('the right to read chats', () => {
  const paths = () => [
    page,
    `${page}?q=lighthouse`,
    `${page}/${sessions.plain}`,
    `${page}/${sessions.plain}/export?format=json`,
    '/admin/character-chat/conversation-characters',
    auditPath,
  ];

  it('is needed by administrators, and a user never has it', async () => {
    const editor = await app.admin.createAdministrator(await app.admin.findRole('strapi-editor'));
    const before = await audit();
    for (const path of paths()) {
      expect([path, (await editor.get(path)).status]).toEqual([path, 403]);
      expect([path, (await ann.get(path)).status]).toEqual([path, 401]);
      expect([path, (await app.anonymous.get(path)).status]).toEqual([path, 401]);
    }
    expect(await audit()).toEqual(before);
  });

  it('is needed for the words of the history, too', async () => {
    const historian = await createReader('api::history.read');
    const both = await createReader('api::history.read', 'api::chats.read');
    for (const path of ['/admin/history/conversations', '/admin/history/conversations/x']) {
      expect([path, (await historian.get(path)).status]).toEqual([path, 403]);
      expect([401, 403]).not.toContain((await both.get(path)).status);
    }
    expect([401, 403]).not.toContain((await historian.get('/admin/history/stats')).status);
  });
});

describe('the audit log', () => {
  it('has an entry for each opened transcript, search and export, without words of users', async () => {
    await app.db('chat_audit').delete();
    await reader.get(`${page}/${sessions.plain}`);
    await reader.get(`${page}/${sessions.plain}/export?format=csv`);
    await reader.get(`${page}?q=lighthouse&character=${ada}`);
    await reader.get(page);
    const { body } = await app.admin.client.get(auditPath);
    const who = { adminId: expect.any(Number), adminEmail: expect.stringMatching(/^administrator\d@/u) };
    const session = {
      sessionId: sessions.plain,
      userId: ann.user.id,
      userDocumentId: ann.user.documentId,
    };
    expect(body.data).toEqual([
      expect.objectContaining({ ...who, action: 'search', sessionId: null, detail: `character ${ada}` }),
      expect.objectContaining({ ...who, ...session, action: 'export', detail: 'csv' }),
      expect.objectContaining({ ...who, ...session, action: 'open', detail: null }),
    ]);
    expect(JSON.stringify(await audit())).not.toContain('lighthouse');
  });

  it('has one entry for all parts of one reading, and one for parts without their beginning', async () => {
    await app.db('chat_audit').delete();
    for (const after of [0, 1, 2]) await reader.get(`${page}/${sessions.plain}?after=${after}`);
    await reader.get(`${page}/${sessions.failed}?after=999999`);
    await reader.get(`${page}?q=lighthouse&cursor=1`);
    expect((await audit()).map(({ action, session_id }) => [action, session_id])).toEqual([
      ['open', sessions.plain],
      ['open', sessions.failed],
      ['search', null],
    ]);
  });

  it('has an entry for the history and for entries in the Content Manager', async () => {
    await app.db('chat_audit').delete();
    const { client } = app.admin;
    await client.get('/admin/history/conversations/x?user_id=1');
    const uid = 'api::chat-session.chat-session';
    const { body } = await client.get(`/content-manager/collection-types/${uid}`);
    const { documentId } = body.results[0];
    await client.get(`/content-manager/collection-types/${uid}/${documentId}`);
    const entries = (await audit()).map(({ action, detail }) => [action, detail]);
    expect(entries).toEqual([
      ['history', 'x, user 1'],
      ['entries', 'chat-session'],
      ['entries', `chat-session ${documentId}`],
    ]);
  });

  it('is read by Super Admins, not by readers of chats', async () => {
    expect((await app.admin.client.get(auditPath)).status).toBe(200);
    expect((await reader.get(auditPath)).status).toBe(403);
    const auditor = await createReader('api::chat-audit.read');
    expect((await auditor.get(auditPath)).status).toBe(200);
    expect((await auditor.get(page)).status).toBe(403);
  });

  it('keeps entries for CHAT_AUDIT_RETENTION_DAYS, and lists them in pages', async () => {
    await app.db('chat_audit').delete();
    const entry = (days: number) => ({
      at: Date.now() - days * dayMs,
      admin_id: 1,
      admin_email: 'ada@example.com',
      action: 'search',
    });
    await app.db('chat_audit').insert([...Array.from({ length: 51 }, () => entry(364)), entry(366)]);
    await app.signal('SIGTERM');
    await app.restart();
    await until(async () => (await audit()).length === 51);
    const first = (await app.admin.client.get(auditPath)).body;
    expect(first.data).toHaveLength(50);
    const rest = (await app.admin.client.get(`${auditPath}?before=${first.nextBefore}`)).body;
    expect([rest.data.length, rest.nextBefore]).toEqual([1, null]);
  });
});
