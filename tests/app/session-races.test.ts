import type { Knex } from 'knex';

import { startApp, type App } from '../support/app';
import type { Client, Reply } from '../support/client';
import { database } from '../support/database';
import { untilSessionIsWaitedFor } from '../support/waiting-for-lock';

let app: App;
let user: Client;

// SQLite has one connection, so no other request can come in between.
const onPostgres = database === 'postgres' ? describe : describe.skip;

onPostgres('while another request holds the session', () => {
  beforeAll(async () => {
    app = await startApp();
    user = await app.createUser();
  });
  afterAll(() => app.stop());

  async function createLine() {
    const { session_id } = (await user.post('/api/chat/session', {})).body.data;
    const line = (await user.post('/api/chat/message', { session_id, content: 'A line' })).body.data;
    return { sessionId: String(session_id), id: Number(line.message_id) };
  }

  /** Sends a request while the session is locked. When the request waits, changes rows and unlocks the session. */
  async function between(
    sessionId: string,
    send: () => Promise<Reply>,
    change: (trx: Knex.Transaction) => Promise<unknown>,
  ): Promise<Reply> {
    const other = app.database.connect();
    const holder = await other.transaction();
    await holder('chat_sessions').where({ session_id: sessionId }).forUpdate().first('id');
    const sent = send();
    await untilSessionIsWaitedFor(other);
    await change(holder);
    await holder.commit();
    const reply = await sent;
    await other.destroy();
    return reply;
  }

  const row = (id: number) => app.db('chat_conversations').where({ id }).first();

  it('a question that is deleted meanwhile is not edited', async () => {
    const { sessionId, id } = await createLine();
    const edit = () =>
      user.request('PATCH', `/api/chat/messages/${id}`, { body: { new_content: 'Other words' } });
    const reply = await between(sessionId, edit, (trx) =>
      trx('chat_conversations').where({ id }).update({ is_deleted: true, deleted_at: new Date() }),
    );
    expect([reply.status, (await row(id)).query]).toEqual([404, 'A line']);
  });

  it('a line of a session that is deleted meanwhile is not restored', async () => {
    const { sessionId, id } = await createLine();
    await user.request('DELETE', `/api/chat/messages/${id}`);
    const reply = await between(
      sessionId,
      () => user.post(`/api/chat/messages/${id}/restore`, {}),
      (trx) => trx('chat_sessions').where({ session_id: sessionId }).update({ is_deleted: true }),
    );
    expect([reply.status, (await row(id)).is_deleted]).toEqual([404, true]);
  });

  it('a session in which a turn begins meanwhile is deleted with that turn', async () => {
    const { sessionId, id } = await createLine();
    const reply = await between(
      sessionId,
      () => user.request('DELETE', `/api/chat/sessions/${sessionId}`),
      (trx) =>
        trx('chat_sessions').where({ session_id: sessionId }).update({ live_turn_id: 'turn-of-another' }),
    );
    expect([reply.status, (await row(id)).is_deleted]).toEqual([200, true]);
  });
});
