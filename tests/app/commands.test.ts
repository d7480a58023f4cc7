import { isFull } from '../faults/support/scale';
import { startApp, type App } from '../support/app';
import type { Client } from '../support/client';
import { createGate } from '../support/gate';
import { runStrapi } from '../support/strapi-command';

/** Some Strapi commands that load the application. The slow ones run only in a full run. */
const commands: readonly { readonly command: string; readonly input?: string }[] = [
  { command: 'export --no-encrypt --no-compress --file exported' },
  { command: 'console', input: 'strapi.log.info("typed")\n' },
  { command: 'admin:create-user --email=b@example.com --password=Abcdef123456 --firstname=B --lastname=B' },
  ...(isFull ? [{ command: 'configuration:dump --file dump.json' }, { command: 'openapi generate' }] : []),
];
const longAgo = new Date(Date.now() - 100 * 86_400_000);

let app: App;
let user: Client;
let documentId: string;

beforeAll(async () => {
  // This server cannot copy to the history, so the test would notice a command that does.
  app = await startApp({ env: { MES_SQL_DSN: 'nowhere' } });
  user = await app.createUser();
  ({ documentId } = await app.admin.createCharacter());
});
afterAll(() => app.stop());

/** Inserts rows that any server would process: a turn to end, a message to erase, a turn to copy. */
async function leaveWork(name: string) {
  const common = { user_id: user.user.id, created_at: longAgo, updated_at: longAgo };
  await app.db('chat_sessions').insert({
    ...common,
    session_id: `session of ${name}`,
    live_turn_id: `dead ${name}`,
    is_deleted: false,
  });
  const session = await app
    .db('chat_sessions')
    .where({ live_turn_id: `dead ${name}` })
    .first('id');
  const message = { ...common, role: 'assistant', query: 'Hi', session_id: session.id, is_deleted: false };
  await app.db('chat_conversations').insert([
    { ...message, message_id: `pending ${name}`, turn_id: `dead ${name}`, outcome: 'pending' },
    { ...message, message_id: `deleted ${name}`, is_deleted: true, deleted_at: longAgo },
    {
      ...message,
      message_id: `due ${name}`,
      turn_id: `ended ${name}`,
      outcome: 'completed',
      ended_at: longAgo,
      history_due: longAgo,
    },
  ]);
}

const work = async (name: string) => [
  await app.db('chat_sessions').where({ session_id: `session of ${name}` }),
  await app.db('chat_conversations').whereLike('message_id', `% ${name}`).orderBy('id'),
];

/** Pauses the server while it writes nothing. A transaction that is paused would keep its lock on the database. */
async function pauseServer(): Promise<void> {
  for (;;) {
    process.kill(app.pid(), 'SIGSTOP');
    try {
      await app.db('chat_sessions').where({ id: 0 }).delete();
      return;
    } catch (error) {
      process.kill(app.pid(), 'SIGCONT');
      if (!String(error).includes('locked')) throw error;
    }
  }
}

describe('beside a running server', () => {
  it.each(commands)('strapi $command does none of the work of the server', async ({ command, input }) => {
    const [name = ''] = command.split(' ');
    const { opened: told, open: tell } = createGate();
    app.dify.script(async (reply) => {
      await reply.say('Half ');
      await told;
      await reply.say('whole.');
      await reply.end();
    });
    const asked = user.ask({ character_id: documentId, query: `Is anybody there, ${name}?` });
    const live = () => app.db('chat_conversations').where({ outcome: 'pending', answer: 'Half ' });
    while ((await live()).length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    // The server is paused, so only the command can change the rows.
    await pauseServer();
    try {
      const [running] = await live();
      await leaveWork(name);
      const before = await work(name);
      // The command runs in its own folder. The port of the server is in use, so the command gets another one.
      const env = { PORT: '0', MES_SQL_DSN: '' };
      const { code, output } = await runStrapi(app, command.split(' '), { env, input });
      expect([code, output]).toEqual([0, output]);
      expect(await work(name)).toEqual(before);
      expect(await live()).toEqual([running]);
    } finally {
      process.kill(app.pid(), 'SIGCONT');
    }
    tell();
    expect((await asked).body.data[1]).toMatchObject({ answer: 'Half whole.', outcome: 'completed' });
  });
});
