import { startApp, type App } from '../support/app';
import type { Client } from '../support/client';
import { database } from '../support/database';
import { fewestStatementsOf, writingStatements } from '../support/statements';

let app: App;
let user: Client;
let documentId: string;

beforeAll(async () => {
  app = await startApp({ env: { ...writingStatements, AUTH_REMEMBER_SECONDS: '3600' } });
  user = await app.createUser();
  ({ documentId } = await app.admin.createCharacter());
  // From here on, the login and the character are cached.
  await ask();
});
afterAll(() => app.stop());

async function ask(session_id?: string) {
  const { status, body } = await user.ask({ character_id: documentId, query: 'Hi', session_id });
  expect(status).toBe(200);
  return body.data;
}

/** Matches statements of the history, and of the search for turns of dead processes. */
const isOfBackground = (statement: string) =>
  /group by|set .history_due|erasures|history_due.? (is|<=|>)|coalesce\(q\.query/u.test(statement);

/** Captures the action and the table of a statement on turns. For `chat_logins`, see ended-logins.test.ts. */
const onTurns = /query (select|insert into|update|with) .*?(chat_(?!logins)\w+)/u;

/** Returns the statements of a request on the tables of turns, without those of background work. */
async function ownStatementsOf(request: () => Promise<unknown>): Promise<string[]> {
  const isOwn = (statement: string) => onTurns.test(statement) && !isOfBackground(statement);
  const statements = await fewestStatementsOf(app, request, isOwn);
  return statements.map((statement) => onTurns.exec(statement)?.slice(1).join(' ') ?? statement);
}

/** On PostgreSQL, one statement begins a turn in a new session, and one statement ends a turn. */
const isOne = database === 'postgres';
const messages = Array<string>(isOne ? 1 : 2).fill('insert into chat_conversations');
const close = isOne
  ? ['with chat_sessions']
  : ['update chat_conversations', 'update chat_conversations', 'update chat_sessions'];
/** The statements for an answer that arrives in several parts. */
const checkpoint = ['update chat_conversations', 'update chat_sessions', 'update chat_conversations'];

/** The begin and the end of a transaction do not count. */
describe('a turn costs', () => {
  it('at most three statements each to begin in a new session, for a first checkpoint and to end', async () => {
    const open = isOne ? ['with chat_sessions'] : ['insert into chat_sessions', ...messages];
    const statements = await ownStatementsOf(() => ask());
    expect([
      [...open, ...close],
      [...open, ...checkpoint, ...close],
    ]).toContainEqual(statements);
  });

  it('at most four statements to begin in an existing session', async () => {
    const [{ session_id }] = await ask();
    const open = ['select chat_sessions', 'update chat_sessions', ...messages];
    const statements = await ownStatementsOf(() => ask(session_id));
    expect([
      [...open, ...close],
      [...open, ...checkpoint, ...close],
    ]).toContainEqual(statements);
  });
});

it('a turn saves rows like Strapi: with a documentId, times and the defaults of the schema', async () => {
  const [{ session_id, turn_id }] = await ask();
  const created = database === 'sqlite' ? expect.any(Number) : expect.any(Date);
  const no = database === 'sqlite' ? 0 : false;
  const ofStrapi = {
    document_id: expect.stringMatching(/^[a-z0-9]{24}$/u),
    is_deleted: no,
    created_at: created,
    updated_at: created,
    published_at: created,
    locale: null,
    created_by_id: null,
    updated_by_id: null,
  };
  const session = await app.db('chat_sessions').where({ session_id }).first();
  expect(session).toMatchObject({ ...ofStrapi, title: 'Hi', message_count: 2, deleted_at: null });
  const messages = await app.db('chat_conversations').where({ turn_id }).orderBy('id');
  const common = {
    ...ofStrapi,
    session_id: session.id,
    user_id: user.user.id,
    message_status: 'sent',
    stop_requested: no,
    is_superseded: no,
    idempotency_key: null,
  };
  expect(messages).toEqual([
    expect.objectContaining({ ...common, role: 'user', answer: null, outcome: null, usage: null }),
    expect.objectContaining({ ...common, role: 'assistant', outcome: 'completed', error_code: null }),
  ]);
  expect(new Set([session, ...messages].map((row) => row.document_id)).size).toBe(3);
});
