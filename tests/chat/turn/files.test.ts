import { toUpstreamUser } from '../../../src/chat/model/owner';
import { createDifyEmulator, type DifyEmulator, type Reply } from '../../dify-emulator';
import { ada } from '../support/fixtures';
import { createHarness, eventsOf } from '../support/harness';

let dify: DifyEmulator;
beforeEach(async () => {
  const apps = [{ key: 'app-files', mode: 'chat', takesFiles: true }] as const;
  dify = await createDifyEmulator({ titleDelayMs: 1, apps }).listen();
});
afterEach(async () => {
  await dify.idle();
  await dify.close();
});

const show = (reply: Reply) =>
  reply.showFile({ name: 'sea.png', mimeType: 'image/png', bytes: Buffer.from('the sea') });

describe('the files of a turn', () => {
  it('are sent as events and saved with the answer', async () => {
    const { ask, store } = createHarness({ dify });
    dify.script(async (reply) => {
      await show(reply);
      await reply.say('The sea.');
      await reply.end();
    });
    const turn = await ask();
    const events = await eventsOf(turn);
    const [, { answerFiles, messageId, answer }] = store.turn(turn.turnId);
    expect(answer).toBe('The sea.');
    expect(answerFiles).toMatchObject([{ type: 'image', url: expect.stringContaining('/files/tools/') }]);
    const shown = { id: answerFiles[0]?.id, type: 'image', belongs_to: 'assistant' };
    const url = `/link/${messageId}/${answerFiles[0]?.id}`;
    expect(events.find(({ event }) => event === 'message_file')).toMatchObject({ ...shown, url });
    expect(events.at(-1)).toMatchObject({ data: [{ files: [] }, { files: [{ ...shown, url }] }] });
    expect(JSON.stringify(events)).not.toContain(dify.url);
  });

  it('are at most 20', async () => {
    const { ask, store } = createHarness({ dify });
    dify.script(async (reply) => {
      for (let shown = 0; shown < 22; shown += 1) await show(reply);
      await reply.end();
    });
    const turn = await ask();
    const events = await eventsOf(turn);
    expect(events.filter(({ event }) => event === 'message_file')).toHaveLength(20);
    expect(store.turn(turn.turnId)[1].answerFiles).toHaveLength(20);
  });

  it('are found in Dify after the answer broke off, each of them once', async () => {
    const { ask, store } = createHarness({ dify, settings: { recoveryMs: 2_000 } });
    dify.script(async (reply) => {
      reply.outlive();
      await show(reply);
      await reply.say('The sea');
      await reply.cut();
      await show(reply);
      await reply.say(', and a boat.');
      await reply.end();
    });
    const turn = await ask();
    const events = await eventsOf(turn);
    const [, answer] = store.turn(turn.turnId);
    expect(answer).toMatchObject({ outcome: 'completed', answer: 'The sea, and a boat.' });
    expect(new Set(answer.answerFiles.map(({ id }) => id)).size).toBe(2);
    expect(events.filter(({ event }) => event === 'message_file')).toHaveLength(2);
  });

  it('go to Dify with the question, for this user', async () => {
    const { askToEnd, store } = createHarness({ dify });
    const form = new FormData();
    form.set('user', toUpstreamUser(ada));
    form.set('file', new File(['a picture'], 'sea.png', { type: 'image/png' }));
    const headers = { Authorization: `Bearer ${dify.apiKey}` };
    const uploaded = await fetch(`${dify.url}/v1/files/upload`, { method: 'POST', headers, body: form });
    const { id } = (await uploaded.json()) as { id: string };
    const files = [{ type: 'image', transfer_method: 'local_file', upload_file_id: id }] as const;
    await askToEnd({ files });
    expect(store.turns()[0]?.[0].files).toEqual(files);
    expect(dify.requests.at(-1)?.body).toMatchObject({ files });
    await askToEnd();
    expect(dify.requests.at(-1)?.body).not.toHaveProperty('files');
  });
});
