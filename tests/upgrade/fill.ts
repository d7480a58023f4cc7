import { password } from '../support/admin';
import type { App } from '../support/app';
import { createClient, type Client } from '../support/client';
import { until } from '../support/until';
import { idempotencyKey, type Fixture } from './fixture';

type People = Pick<Fixture, 'users' | 'readOnlyKey'>;
type Said = { readonly session_id: string; readonly message_id: string; readonly turn_id: string };

/** Fills an empty installation with at least one row of each kind that an upgrade must keep. */
export async function fill(app: App): Promise<People> {
  const users: Fixture['users'][number][] = [];

  async function register(username: string): Promise<Client> {
    const email = `${username === 'Mia' ? 'other-mia' : username}@example.com`;
    const { body } = await app.anonymous.post('/api/auth/local/register', { username, email, password });
    const { id, documentId } = body.user;
    users.push({ id, documentId, username, email, jwt: body.jwt, refreshToken: body.refreshToken });
    return createClient(app.url, body.jwt, body.user);
  }

  const gone = await register('gone');
  const ann = await register('ann');
  const bob = await register('bob');
  // The release allowed two usernames that differ only by case.
  const mias = [await register('mia'), await register('Mia')];
  const ada = await app.admin.createCharacter({ name: 'Ada', avatar: await app.admin.uploadPicture() });
  const dan = await app.admin.createCharacter({ name: 'Dan' });
  await app.admin.createDraft({ name: 'Cleo' });

  await ask(gone, { character_id: ada.documentId, query: 'Who remembers me?' });
  const first = await askSeveral(ann, ada.documentId);
  await changeMessages(ann, first);
  await useOtherApis(ann, ada.documentId);
  await meetAPublish(app, bob);
  await ask(bob, { character_id: dan.documentId, query: 'Who are you, Dan?' });
  await app.admin.action(dan.documentId, 'unpublish');
  for (const mia of mias)
    await ask(mia, { character_id: ada.documentId, query: `I am ${mia.user.username}` });
  await allCopied(app);
  await bob.request('DELETE', `/api/v1/conversations/${(await firstConversation(bob)).conversation_id}`);
  await deleteUser(app, gone);
  await doubleAccount(app, bob);
  await addAdministrators(app);
  return {
    users: users.filter(({ id }) => id !== gone.user.id),
    readOnlyKey: await createReadOnlyKey(app),
  };
}

/** Asks a question. The answer may fail. @returns the saved question. */
async function ask(user: Client, data: Readonly<Record<string, unknown>>): Promise<Said> {
  const reply = await user.ask(data);
  const [question] = (await user.myList('?sort=id:desc&pageSize=2&filters[role]=user')).body.data;
  if (question?.query !== data['query'])
    throw new Error(`The question was not saved: ${reply.status} ${reply.text}`);
  return question;
}

async function askSeveral(ann: Client, character_id: string): Promise<Said> {
  const first = await ask(ann, { character_id, query: '你好, 世界', inputs: { mood: 'calm' } });
  await ask(ann, { character_id, session_id: first.session_id, query: 'And today?' });
  await ask(ann, { character_id, query: '#fault:error-after-deltas after=3 What broke?' });
  await ann.request('POST', '/api/chat-conversations/create-message', {
    body: { data: { character_id, query: 'Sent once' } },
    headers: { 'Idempotency-Key': idempotencyKey },
  });
  return first;
}

async function changeMessages(ann: Client, { session_id, message_id, turn_id }: Said): Promise<void> {
  const messages = '/api/chat-conversations/messages';
  const { body } = await ann.get(`/api/chat-conversations/turns/${turn_id}`);
  const answer = body.data.messages[1].message_id;
  await ok(ann.request('PUT', `${messages}/${answer}/feedback`, { body: { data: { rating: 'like' } } }));
  await ok(ann.request('PUT', `${messages}/${answer}/read`));
  await ok(ann.request('PATCH', `/api/chat/messages/${message_id}`, { body: { new_content: '你好！' } }));
  await ok(ann.request('PATCH', `/api/chat/sessions/${session_id}`, { body: { new_title: 'Hello' } }));
}

async function useOtherApis(ann: Client, character_id: string): Promise<void> {
  const { session_id } = (await ok(ann.post('/api/chat/session', { title: 'Notes', character_id }))).data;
  for (const content of ['A line', 'A deleted line']) {
    const added = await ok(ann.post('/api/chat/message', { session_id, content }));
    if (content !== 'A line') await ok(ann.request('DELETE', `/api/chat/messages/${added.data.message_id}`));
  }
  const { id } = await ok(ann.post('/conversations?new=true', undefined));
  const tool_calls = [{ id: 'call_1', type: 'function', function: { name: 'add', arguments: '{}' } }];
  await ok(ann.post(`/conversations/${id}/messages`, { role: 'assistant', content: 'Adding', tool_calls }));
  await ok(
    ann.post(`/conversations/${id}/messages`, { role: 'tool', content: 'done', tool_call_id: 'call_1' }),
  );
  const unwanted = (await ok(ann.post('/api/chat/session', { title: 'Unwanted' }))).data;
  await ok(ann.request('DELETE', `/api/chat/sessions/${unwanted.session_id}`));
}

/** Publishes a character, which replaces its published row, and discards, which replaces the draft row of messages. */
async function meetAPublish(app: App, bob: Client): Promise<void> {
  const bea = await app.admin.createCharacter({ name: 'Bea', suggested_questions: ['Where do you live?'] });
  await ask(bob, { character_id: bea.documentId, query: 'Before the publish' });
  await app.admin.publish(bea.documentId, { name: 'Bea', prompt: 'You are Bea, a baker.' });
  await app.admin.action(bea.documentId, 'discard');
  await ask(bob, { character_id: bea.documentId, query: 'After the publish' });
}

/** Waits for the history, which is copied in the background. */
async function allCopied(app: App): Promise<void> {
  const due = () => app.db('chat_conversations').whereNotNull('history_due').first('id');
  await until(async () => (await due()) === undefined);
}

async function firstConversation(user: Client): Promise<{ readonly conversation_id: string }> {
  return (await ok(user.get('/api/v1/conversations'))).conversations[0];
}

async function deleteUser(app: App, { user }: Client): Promise<void> {
  const users = '/content-manager/collection-types/plugin::users-permissions.user';
  await ok(app.admin.client.request('DELETE', `${users}/${user.documentId}`));
}

/** Adds a second account with the same email. The release could create one by two concurrent registrations. */
async function doubleAccount({ db }: App, { user }: Client): Promise<void> {
  const { id, ...row } = await db('up_users').where({ id: user.id }).first();
  const [double] = await db('up_users')
    .insert({ ...row, document_id: 'doubleofbob0000000000000' })
    .returning('id');
  const { role_id } = await db('up_users_role_lnk').where({ user_id: id }).first();
  await db('up_users_role_lnk').insert({ user_id: double.id, role_id });
}

async function addAdministrators({ admin }: App): Promise<void> {
  const roles = (await ok(admin.client.get('/admin/roles'))).data as { id: number; code: string }[];
  for (const name of ['editor', 'author']) {
    const role = roles.find(({ code }) => code === `strapi-${name}`);
    const email = `${name}@example.com`;
    const invited = { email, firstname: name, lastname: 'Person', roles: [role?.id] };
    const { id } = (await ok(admin.client.post('/admin/users', invited))).data;
    const body = { password, isActive: true };
    await ok(admin.client.request('PUT', `/admin/users/${id}`, { body }));
  }
}

async function createReadOnlyKey({ admin }: App): Promise<string> {
  const token = { name: 'Reader', description: '', type: 'read-only', lifespan: null };
  return (await ok(admin.client.post('/admin/api-tokens', token))).data.accessKey;
}

/** Kills the process in the middle of an answer. */
export async function killInTheMiddle(app: App): Promise<Fixture['pending']> {
  const { body } = await app.anonymous.post('/api/auth/local/register', kim);
  const user = createClient(app.url, body.jwt, body.user);
  app.dify.script(async (reply) => {
    await reply.say('Half an ans');
    await reply.closed;
  });
  const { documentId: character_id } = (await ok(user.get('/api/ai-characters'))).data[0];
  const { events } = await user.stream({ character_id, query: 'Are you there?' });
  const started = await events.next();
  const { turn_id, session_id } = (started.value as { data: Said }).data;
  const saved = () => app.db('chat_conversations').where({ turn_id, role: 'assistant' }).first('answer');
  await until(async () => (await saved())?.answer === 'Half an ans');
  await app.signal('SIGKILL');
  await events.next().catch(() => undefined);
  return { username: kim.username, turn_id, session_id };
}

const kim = { username: 'kim', email: 'kim@example.com', password };

async function ok(pending: ReturnType<Client['get']>) {
  const { status, body, text } = await pending;
  if (status >= 300) throw new Error(`The application replied ${status}: ${text}`);
  return body;
}
