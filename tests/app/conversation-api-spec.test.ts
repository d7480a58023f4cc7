/**
 * The whole contract of the conversation API as a table: models, endpoints with parameters, errors and the example.
 * conversation-api.test.ts tests all other behaviour.
 */
import { randomUUID } from 'node:crypto';

import { startApp, type App } from '../support/app';
import type { Client, Reply } from '../support/client';
import { differences, type Documented } from '../support/documented';
import { runInStrapi } from '../support/strapi-script';

let app: App;
let user: Client;
let other: Client;

beforeAll(async () => {
  app = await startApp();
  [user, other] = [await app.createUser(), await app.createUser()];
});
afterAll(() => app.stop());

const conversation = {
  id: '123e4567-e89b-12d3-a456-426614174000',
  user_id: '123',
  created_at: '2024-01-01T00:00:00Z',
  updated_at: '2024-01-01T00:00:00Z',
};
const message = {
  id: '123e4567-e89b-12d3-a456-426614174001',
  conversation_id: '123e4567-e89b-12d3-a456-426614174000',
  role: 'user',
  content: 'Hello, how can I help you today?',
  tool_calls: null,
  created_at: '2024-01-01T00:00:00Z',
  updated_at: '2024-01-01T00:00:00Z',
};
const toolCalls = {
  name: 'add_task',
  arguments: { title: 'Milk', count: 2, tags: ['a'], done: false, note: null },
};

/** The user and the conversation of a call. */
interface About {
  readonly user: Client['user'];
  readonly conversation: string;
}

interface Call extends Documented {
  readonly name: string;
  readonly method: string;
  readonly path: (about: About) => string;
  readonly body?: (about: About) => unknown;
}

function queryOf(params: Readonly<Record<string, unknown>>): string {
  const texts = Object.entries(params).map(([name, value]): [string, string] => [
    name,
    typeof value === 'string' ? value : JSON.stringify(value),
  ]);
  return new URLSearchParams(texts).toString();
}

/** The four endpoints. Each documented parameter is sent in its documented place and in a JSON body. */
const calls: readonly Call[] = ['', '/api'].flatMap((prefix): readonly Call[] => [
  {
    name: 'create or get a conversation by user_id',
    method: 'POST',
    path: ({ user: { id } }) => `${prefix}/conversations?user_id=${id}`,
    sample: conversation,
  },
  {
    name: 'create or get a conversation by user_id in a JSON body',
    method: 'POST',
    path: () => `${prefix}/conversations`,
    body: ({ user: { documentId } }) => ({ user_id: documentId }),
    sample: conversation,
  },
  ...['user', 'assistant', 'tool'].flatMap((role): readonly Call[] =>
    [null, toolCalls, [toolCalls]].flatMap((tool_calls) => {
      const said = { role, content: message.content, ...(tool_calls !== null && { tool_calls }) };
      const documented = { sample: { ...message, role, tool_calls }, same: ['role', 'content'] };
      const what = `add a message of role ${role} ${tool_calls === null ? 'without' : Array.isArray(tool_calls) ? 'with a list of' : 'with'} tool_calls`;
      const path = (id: string) => `${prefix}/conversations/${id}/messages`;
      return [
        {
          ...documented,
          name: `${what} by query parameters`,
          method: 'POST',
          path: ({ conversation: id }) => `${path(id)}?${queryOf(said)}`,
        },
        {
          ...documented,
          name: `${what} by JSON body`,
          method: 'POST',
          path: ({ conversation: id }) => path(id),
          body: () => said,
        },
      ];
    }),
  ),
  {
    name: 'list the messages',
    method: 'GET',
    path: ({ conversation: id }) => `${prefix}/conversations/${id}/messages`,
    sample: [message],
    same: ['role', 'content'],
  },
  {
    name: 'list the conversations of a user',
    method: 'GET',
    path: ({ user: { id } }) => `${prefix}/users/${id}/conversations`,
    sample: [conversation],
  },
]);

async function createConversation(as = user): Promise<About> {
  const { body } = await as.request('POST', '/conversations?new=true');
  const said = queryOf({ role: 'user', content: message.content });
  await as.request('POST', `/conversations/${body.id}/messages?${said}`);
  return { user: as.user, conversation: body.id };
}

const send = ({ method, path, body }: Call, about: About, as = user): Promise<Reply> =>
  as.request(method, path(about), body === undefined ? {} : { body: body(about) });

const error = (status: number, extra: readonly string[] = []): Documented => ({
  sample: { data: null, error: { status, name: 'ChatError', message: '', details: { code: '' } } },
  same: ['data', 'status', 'name'],
  extra: { details: extra },
});

async function expectRefusal(
  reply: Promise<Reply>,
  status: number,
  extra?: readonly string[],
): Promise<Reply> {
  const { status: found, body } = await reply;
  expect([found, differences(body, error(status, extra))]).toEqual([status, []]);
  return reply;
}

describe('a documented request', () => {
  it.each(calls)('returns the documented reply: $method $name', async (call) => {
    const about = await createConversation();
    const { status, body } = await send(call, about);
    expect(status).toBe(200);
    expect(differences(body, call)).toEqual([]);
    if ('tool_calls' in Object(call.sample)) {
      expect(body.tool_calls).toEqual(Object(call.sample).tool_calls);
      expect(body.conversation_id).toBe(about.conversation);
    }
  });

  it('of the documented example returns the messages in the order of the example', async () => {
    const owner = await app.createUser();
    const { id } = (await owner.request('POST', `/conversations?user_id=${owner.user.id}`)).body;
    const said = [
      ['user', 'Hello, how can I help you today?'],
      ['assistant', 'I can help you manage your tasks and answer questions.'],
    ];
    for (const [role, content] of said) {
      await owner.request('POST', `/conversations/${id}/messages?${queryOf({ role, content })}`);
    }
    const history: { role: string; content: string }[] = (await owner.get(`/conversations/${id}/messages`))
      .body;
    expect(history.map(({ role, content }) => [role, content])).toEqual(said);
    const again = (await owner.request('POST', `/conversations?user_id=${owner.user.id}`)).body;
    expect(again.id).toBe(id);
    expect(Date.parse(again.updated_at)).toBeGreaterThanOrEqual(Date.parse(again.created_at));
  });
});

interface ServiceResults {
  readonly first: { readonly id: string };
  readonly again: { readonly id: string };
  readonly other: { readonly id: string };
  readonly added: readonly unknown[];
  readonly history: readonly unknown[];
  readonly rest: readonly unknown[];
  readonly conversations: readonly { readonly id: string }[];
  readonly codes: readonly (string | null)[];
}

describe('the service functions', () => {
  let results: ServiceResults;
  beforeAll(async () => {
    const owner = await app.createUser();
    results = await runInStrapi(app.variables, callServices, {
      owner: owner.user.documentId,
      stranger: other.user.id,
      unknown: randomUUID(),
      toolCalls,
    });
  });

  it('get or create a conversation, and list those of a user', () => {
    const { first, again, other: second, conversations } = results;
    expect(differences(first, { sample: conversation })).toEqual([]);
    expect(again.id).toBe(first.id);
    expect(conversations.map(({ id }) => id).sort()).toEqual([first.id, second.id].sort());
    expect(differences(conversations, { sample: [conversation] })).toEqual([]);
  });

  it('add messages of each role, and return them in the order in which they were said', () => {
    const { first, added, history, rest } = results;
    const said = { conversation_id: first.id, content: message.content };
    expect(added).toMatchObject([
      { ...said, role: 'user', tool_calls: null },
      { ...said, role: 'assistant', tool_calls: toolCalls },
      { ...said, role: 'tool', tool_calls: [toolCalls] },
    ]);
    expect(differences(added[0], { sample: message, same: ['role', 'content'] })).toEqual([]);
    expect(history).toEqual(added);
    expect(rest).toEqual([added[1]]);
  });

  it('reject invalid arguments, unknown conversations and those of other users', () => {
    const notFound = Array<string>(4).fill('session-not-found');
    expect(results.codes).toEqual([...notFound, ...Array<string>(5).fill('invalid-request')]);
  });
});

/** Runs in another process, so it uses no variable from outside. */
async function callServices(
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- the process has no types
  strapi: any,
  {
    owner,
    stranger,
    unknown,
    toolCalls,
  }: Readonly<Record<'owner' | 'stranger' | 'unknown' | 'toolCalls', unknown>>,
): Promise<ServiceResults> {
  const service = strapi.service('api::conversation.conversation');
  const first = await service.getOrCreateConversation({ user_id: owner });
  const said = { conversation_id: first.id, content: 'Hello, how can I help you today?' };
  const added = [
    await service.addMessage({ ...said, role: 'user' }),
    await service.addMessage({ ...said, role: 'assistant', tool_calls: toolCalls }),
    await service.addMessage({ ...said, role: 'tool', tool_calls: [toolCalls], user_id: owner }),
  ];
  const history = await service.getChatHistory({ conversation_id: first.id });
  const rest = await service.getChatHistory({ conversation_id: first.id, after: added[0].id, limit: 1 });
  const again = await service.getOrCreateConversation({ user_id: owner });
  const codes = [];
  for (const call of [
    () => service.getChatHistory({ conversation_id: unknown }),
    () => service.getChatHistory({ conversation_id: first.id, user_id: stranger }),
    () => service.addMessage({ ...said, role: 'user', conversation_id: unknown }),
    () => service.addMessage({ ...said, role: 'user', user_id: stranger }),
    () => service.getChatHistory({ conversation_id: 'user-123' }),
    () => service.addMessage({ ...said, role: 'system' }),
    () => service.addMessage({ ...said, role: 'user', content: ' ' }),
    () => service.getOrCreateConversation({ user_id: 'nobody' }),
    () => service.getUserConversations({}),
  ])
    codes.push(
      await call().then(
        () => null,
        ({ code }: { code: string }) => code,
      ),
    );
  const other = await service.getOrCreateConversation({ user_id: owner, new: true });
  const conversations = await service.getUserConversations({ user_id: owner });
  return { first, again, other, added, history, rest, conversations, codes };
}

const ofConversation = calls.filter(({ path }) =>
  path({ user: { ...noUser(), id: 1 }, conversation: 'x' }).includes('/x/'),
);
const ofUser = calls.filter((call) => !ofConversation.includes(call));

describe('a documented error', () => {
  it.each(ofConversation)('is 400 for an invalid UUID: $method $name', async (call) => {
    for (const id of ['1', 'user-123', `${randomUUID()}0`, randomUUID().replaceAll('-', ''), 'null']) {
      const { body } = await expectRefusal(send(call, { user: user.user, conversation: id }), 400);
      expect(body.error.details.code).toBe('invalid-request');
    }
  });

  it.each(ofConversation)(
    "is 404 for an unknown conversation and another user's: $method $name",
    async (call) => {
      const theirs = await createConversation(other);
      for (const id of [randomUUID(), theirs.conversation]) {
        const { body } = await expectRefusal(send(call, { user: user.user, conversation: id }), 404);
        expect(body.error.details.code).toBe('session-not-found');
      }
    },
  );

  it.each(ofUser)('is 403 for another user: $method $name', async (call) => {
    const { body } = await expectRefusal(send(call, { user: other.user, conversation: '' }), 403);
    expect(body.error.details.code).toBe('not-yourself');
  });

  it.each(calls)('is 401 without a login: $method $name', async (call) => {
    const about = await createConversation();
    const { body } = await expectRefusal(send(call, about, app.anonymous), 401);
    expect(body.error.details.code).toBe('unauthorized');
  });

  it.each<[string, Readonly<Record<string, unknown>>, readonly string[]]>([
    ['no role', { content: 'x' }, ['role']],
    ['an unknown role', { role: 'system', content: 'x' }, ['role']],
    ['no content', { role: 'user' }, ['content']],
    ['tool_calls that are not JSON', { role: 'tool', content: 'x', tool_calls: '{' }, ['tool_calls']],
    ['several invalid parameters', { role: 'nobody', tool_calls: '7' }, ['role', 'content', 'tool_calls']],
  ])('is 400 and names the parameter for %s, in the query or the body', async (_what, params, names) => {
    const { conversation: id } = await createConversation();
    const path = `/conversations/${id}/messages`;
    for (const reply of [
      user.request('POST', `${path}?${queryOf(params)}`),
      user.request('POST', path, { body: params }),
    ]) {
      const { body } = await expectRefusal(reply, 400, ['errors']);
      expect(body.error.details.errors.map(({ path: [name] }: { path: string[] }) => name)).toEqual(names);
      for (const name of names) expect(body.error.message).toContain(`${name} must be`);
    }
  });

  it('is 500 for a database error, which is logged without the content of messages', async () => {
    const about = await createConversation();
    await app.db.schema.renameTable('chat_sessions', 'chat_sessions_away');
    try {
      for (const call of calls) {
        const { body } = await expectRefusal(send(call, about), 500);
        expect(body.error.details.code).toBe('internal');
        expect(body.error.message).not.toMatch(/chat_sessions|select|SQL/u);
      }
    } finally {
      await app.db.schema.renameTable('chat_sessions_away', 'chat_sessions');
    }
    const { body } = await user.get(`/conversations/${about.conversation}/messages`);
    expect(body).toHaveLength(1);
    expect(app.output()).toMatch(/error.*GET \/api\/conversations\/.*messages/u);
    expect(app.output()).not.toContain(message.content);
  });
});

function noUser(): Client['user'] {
  return { id: 0, documentId: '', username: '', email: '' };
}
