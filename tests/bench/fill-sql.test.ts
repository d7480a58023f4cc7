import knex, { type Knex } from 'knex';

import { toFillStatements } from '../../bench/support/fill-sql';

/** The columns that the statements use. SQLite needs no types. */
const tables = {
  ai_characters: 'id, document_id',
  up_users: 'id, document_id, username, email, provider, confirmed, blocked',
  chat_sessions:
    'id, document_id, session_id, title, user_id, ai_character_document_id, conversation_id, message_count, last_message_at, is_deleted',
  chat_conversations:
    'id, document_id, message_id, role, query, answer, conversation_id, session_id, turn_id, ai_character_document_id, user_id, ' +
    'message_status, outcome, stop_requested, usage, parent_message_id, is_deleted, is_superseded',
  sessions: 'id, document_id, conversation_id',
  messages: 'id, document_id, role, query, answer, conversation_id, usage',
};
const callerId = 3;
const amounts = { rows: 4_000, ownRows: 400, callerId };

describe('rows of the filled database', () => {
  let db: Knex;
  beforeEach(async () => {
    db = knex({ client: 'better-sqlite3', connection: { filename: ':memory:' }, useNullAsDefault: true });
    for (const [table, columns] of Object.entries(tables)) {
      await db.raw(`create table ${table} (${columns}, created_at, updated_at, published_at)`);
    }
    for (const name of ['session', 'character', 'user']) {
      await db.raw(`create table messages_${name}_lnk (id, message_id, ${name}_id)`);
    }
  });
  afterEach(() => db.destroy());

  const number = async (sql: string) => Number(((await db.raw(sql)) as { n: number }[])[0]?.n);

  it('have the requested number in total and for the caller, who has the newest row', async () => {
    for (const { sql } of toFillStatements('ours', 'sqlite', amounts)) await db.raw(sql);

    expect(await number('select count(*) n from chat_conversations')).toBe(4_000);
    expect(await number(`select count(*) n from chat_conversations where user_id = ${callerId}`)).toBe(400);
    expect(await number(`select max(id) n from chat_conversations where user_id = ${callerId}`)).toBe(4_000);
    expect(await number('select count(distinct message_id) n from chat_conversations')).toBe(4_000);
  });

  it('are consistent: one user per session, a question and an answer per turn', async () => {
    for (const { sql } of toFillStatements('ours', 'sqlite', amounts)) await db.raw(sql);

    expect(
      await number(
        'select count(*) n from chat_conversations m join chat_sessions s on s.id = m.session_id where s.user_id = m.user_id',
      ),
    ).toBe(4_000);
    expect(
      await number(`select count(*) n from (select turn_id from chat_conversations group by turn_id
        having count(*) = 2 and count(distinct role) = 2 and count(distinct user_id) = 1)`),
    ).toBe(2_000);
    expect(
      await number(`select count(*) n from chat_sessions where user_id <> ${callerId}
        and user_id not in (select id from up_users)`),
    ).toBe(0);
  });

  it('have the same numbers for stock Strapi with its link tables', async () => {
    for (const { sql } of toFillStatements('stock', 'sqlite', amounts)) await db.raw(sql);

    expect(await number('select count(*) n from messages')).toBe(4_000);
    expect(await number(`select count(*) n from messages_user_lnk where user_id = ${callerId}`)).toBe(400);
    expect(await number(`select max(message_id) n from messages_user_lnk where user_id = ${callerId}`)).toBe(
      4_000,
    );
    expect(
      await number(
        'select count(*) n from messages_session_lnk where session_id not in (select id from sessions)',
      ),
    ).toBe(0);
  });
});
