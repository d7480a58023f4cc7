import { oneUpstream } from '../../support/one-upstream';
import { ChatError } from '../../../../src/chat/errors';
import { createRescue } from '../../../../src/chat/turn/recovery/rescue';
import type { AbandonedTurn } from '../../../../src/chat/model/turn';
import { createDifyEmulator, type DifyEmulator } from '../../../dify-emulator';
import { createGate, settle, until } from '../../support/collect';
import { askDify, difyClient, difySettings } from '../../support/dify';
import { ada, ending, newSession, newTurn, recordingLog, turnSettings } from '../../support/fixtures';
import { createMemoryTurnStore } from '../../support/memory-turn-store';

jest.setTimeout(10_000);

const query = 'How is the sea?';
const user = `user-${ada.documentId}`;

let dify: DifyEmulator;

beforeEach(async () => {
  dify = await createDifyEmulator({ titleDelayMs: 1, detached: true }).listen();
});
afterEach(() => dify.close());

/** Creates a store with a turn of a dead process, and the rescue of such turns. */
async function abandoned(
  changes: Parameters<typeof newTurn>[0] = {},
  { settings = turnSettings, client = difyClient(difySettings(dify)) } = {},
) {
  const store = createMemoryTurnStore();
  const log = recordingLog();
  const dropped: unknown[] = [];
  const reported: string[] = [];
  const rescue = createRescue({
    settings,
    upstreams: oneUpstream(client),
    store,
    log,
    onTurnEnded: (turnId) => void reported.push(turnId),
    dropConversation: async (conversation) => void dropped.push(conversation),
  });
  await store.open(newTurn(changes));
  return {
    store,
    log,
    rescue,
    client,
    dropped,
    reported,
    claim: () => store.claimAbandoned({ leaseMs: -60_000, isStart: false }),
  };
}

/** Lets Dify answer the question of the lost turn. @returns the answer and its ids. */
async function answered(client: ReturnType<typeof difyClient>) {
  const { events, text } = await askDify(client, { query, user });
  const identified = events.find((event) => event.type === 'identified');
  if (identified?.type !== 'identified') throw new Error('Dify named no ids.');
  const { taskId, messageId = '', conversationId = '' } = identified;
  return { answer: text, taskId, messageId, conversationId };
}

const ended = (store: ReturnType<typeof createMemoryTurnStore>, turnId = 'turn-1') =>
  until(() => store.turn(turnId)[1].outcome !== 'pending');

async function addTurn(store: ReturnType<typeof createMemoryTurnStore>, i: number): Promise<void> {
  const ids = { turnId: `turn-${i}`, questionMessageId: `msg-q${i}`, answerMessageId: `msg-a${i}` };
  await store.open(newTurn({ ...ids, session: newSession(`session-${i}`) }));
}

/** Adds the turns 2 to `count`. The first turn already exists. */
async function addTurns(store: ReturnType<typeof createMemoryTurnStore>, count: number): Promise<void> {
  for (let i = 2; i <= count; i += 1) await addTurn(store, i);
}

/** Creates a Dify without an answer. It replies when the test calls `answer`. */
function heldDify() {
  const gate = createGate();
  let asked = 0;
  const client = {
    ...difyClient(difySettings(dify)),
    findLostAnswer: async () => {
      asked += 1;
      await gate.opened;
      return null;
    },
  };
  return { client, asked: () => asked, answer: gate.open };
}

describe('createRescue', () => {
  it('does not look for an answer in an upstream that saves none', async () => {
    const { client, asked } = heldDify();
    const settings = { ...turnSettings, recoveryMs: 60_000 };
    const { store, rescue, claim } = await abandoned(
      {},
      { settings, client: { ...client, savesAnswers: false } },
    );
    rescue.begin(await claim());
    await ended(store);
    expect(store.turn('turn-1')[1]).toMatchObject({ outcome: 'interrupted', errorCode: 'process-died' });
    expect(asked()).toBe(0);
  });

  it('completes a turn with the answer that it finds in Dify by its ids', async () => {
    const { store, rescue, client, claim, log } = await abandoned();
    const { answer, ...ids } = await answered(client);
    await store.checkpoint('turn-1', {
      ...ids,
      answer: answer.slice(0, 3),
      lastEventId: 2,
      isTakenBack: false,
    });
    rescue.begin(await claim());
    expect(rescue.turnIds()).toEqual(['turn-1']);
    await ended(store);
    expect(store.turn('turn-1')[1]).toMatchObject({
      outcome: 'completed',
      errorCode: null,
      answer,
      messageId: ids.messageId,
      conversationId: ids.conversationId,
      // Nobody knows how many events the process that died has sent.
      lastEventId: 999_999_999,
    });
    await until(() => rescue.turnIds().length === 0);
    expect(log.lines).toEqual([expect.stringMatching(/^warn Turn turn-1 .* is now "completed"\.$/u)]);
  });

  it('finds the answer by the text of the question if no id was saved', async () => {
    const { store, rescue, client, claim } = await abandoned();
    const { answer, messageId } = await answered(client);
    rescue.begin(await claim());
    await ended(store);
    expect(store.turn('turn-1')[1]).toMatchObject({ outcome: 'completed', answer, messageId });
  });

  it('does not use the answer to an earlier question with the same text', async () => {
    const { store, rescue, client, claim } = await abandoned();
    const { answer, ...ids } = await answered(client);
    await store.close('turn-1', ending({ ...ids, answer }));
    const session = newSession('session-2');
    await store.open(
      newTurn({ turnId: 'turn-2', session, questionMessageId: 'msg-q2', answerMessageId: 'msg-a2' }),
    );
    rescue.begin(await claim());
    await ended(store, 'turn-2');
    expect(store.turn('turn-2')[1]).toMatchObject({
      outcome: 'interrupted',
      messageId: 'msg-a2',
      answer: '',
    });
  });

  it('does not use the answer to a later question with the same text, even before that has a Dify id', async () => {
    const { store, rescue, client, claim } = await abandoned();
    const turns = await claim();
    await store.open(
      newTurn({
        turnId: 'turn-2',
        session: (await store.findSession(ada, { sessionId: 'session-1' })) ?? newSession('session-2'),
        questionMessageId: 'msg-q2',
        answerMessageId: 'msg-a2',
      }),
    );
    await answered(client);
    rescue.begin(turns);
    await ended(store);
    expect(store.turn('turn-1')[1]).toMatchObject({ outcome: 'interrupted', answer: '' });
  });

  it('lets the session continue in the conversation that it finds', async () => {
    const { store, rescue, client, claim } = await abandoned();
    const { conversationId } = await answered(client);
    rescue.begin(await claim());
    await ended(store);
    expect(await store.findSession(ada, { sessionId: 'session-1' })).toMatchObject({ conversationId });
  });

  it('logs nothing about a turn that was erased meanwhile', async () => {
    const { store, rescue, claim, log } = await abandoned();
    const turns = await claim();
    jest.spyOn(store, 'close').mockRejectedValue(new ChatError('turn-not-found'));
    rescue.begin(turns);
    await until(() => rescue.turnIds().length === 0);
    expect(log.lines).toEqual([]);
  });

  it('keeps the text so far if Dify has no answer', async () => {
    const { store, rescue, claim } = await abandoned();
    await store.checkpoint('turn-1', {
      answer: 'Ca',
      lastEventId: 2,
      isTakenBack: false,
      taskId: undefined,
      messageId: undefined,
      conversationId: undefined,
    });
    rescue.begin(await claim());
    await ended(store);
    expect(store.turn('turn-1')[1]).toMatchObject({
      outcome: 'interrupted',
      errorCode: 'process-died',
      answer: 'Ca',
    });
  });

  it('keeps the text so far if the answer in Dify does not begin with it', async () => {
    const { store, rescue, client, claim } = await abandoned();
    const ids = await answered(client);
    await store.checkpoint('turn-1', { ...ids, answer: 'Another text', lastEventId: 2, isTakenBack: false });
    rescue.begin(await claim());
    await ended(store);
    expect(store.turn('turn-1')[1]).toMatchObject({
      outcome: 'interrupted',
      errorCode: 'process-died',
      answer: 'Another text',
    });
  });

  it('keeps a stop request', async () => {
    const { store, rescue, claim } = await abandoned();
    await store.requestStop('turn-1');
    rescue.begin(await claim());
    await ended(store);
    expect(store.turn('turn-1')[1]).toMatchObject({ outcome: 'stopped', errorCode: null });
  });

  it('does not call Dify for a turn whose user is deleted', async () => {
    const { store, rescue, claim } = await abandoned();
    rescue.begin((await claim()).map((turn) => ({ ...turn, ownerDocumentId: null })));
    await ended(store);
    expect(store.turn('turn-1')[1].outcome).toBe('interrupted');
    expect(dify.requests).toEqual([]);
  });

  it('ends a turn whose conversation was deleted in Dify', async () => {
    const { store, rescue, client, claim } = await abandoned();
    const { answer, ...ids } = await answered(client);
    await store.checkpoint('turn-1', {
      ...ids,
      answer,
      lastEventId: 2,
      isTakenBack: false,
      conversationId: '00000000-0000-4000-8000-000000000000',
    });
    rescue.begin(await claim());
    await ended(store);
    expect(store.turn('turn-1')[1]).toMatchObject({ outcome: 'interrupted', answer });
  });

  it('releases a turn while Dify is unreachable, and gives up after five rounds', async () => {
    const { store, rescue, claim } = await abandoned();
    await dify.close();
    for (let round = 1; round < 5; round += 1) {
      rescue.begin(await claim());
      await until(() => rescue.turnIds().length === 0);
      expect(store.turn('turn-1')[1].outcome).toBe('pending');
    }
    rescue.begin(await claim());
    await ended(store);
    expect(store.turn('turn-1')[1]).toMatchObject({ outcome: 'interrupted', errorCode: 'process-died' });
    dify = await createDifyEmulator().listen();
  });

  it('lets Dify delete the conversation of a session that was deleted before the process died', async () => {
    const { store, rescue, client, claim, dropped } = await abandoned();
    const { conversationId } = await answered(client);
    store.deleteSession('session-1');
    rescue.begin(await claim());
    await until(() => dropped.length > 0);
    expect(dropped).toEqual([{ conversationId, user, upstreamId: 'dify' }]);
  });

  it('keeps the conversation of any other session', async () => {
    const { store, rescue, client, claim, dropped } = await abandoned();
    await answered(client);
    rescue.begin(await claim());
    await ended(store);
    await until(() => rescue.turnIds().length === 0);
    expect(dropped).toEqual([]);
  });

  it('releases a turn that cannot be saved', async () => {
    const { store, log, claim } = await abandoned();
    const rescue = createRescue({
      settings: turnSettings,
      upstreams: oneUpstream(difyClient(difySettings(dify))),
      onTurnEnded: () => undefined,
      dropConversation: async () => undefined,
      store: { ...store, close: () => Promise.reject(new Error('away')) },
      log,
    });
    rescue.begin(await claim());
    await until(() => rescue.turnIds().length === 0);
    expect(store.turn('turn-1')[1].outcome).toBe('pending');
    expect(log.lines).toEqual([expect.stringMatching(/^error Turn turn-1 .* could not be ended/u)]);
  });

  it('ends all of 30 turns, and reports each of them', async () => {
    const { store, rescue, claim, reported } = await abandoned();
    await addTurns(store, 30);
    rescue.begin(await claim());
    await until(() => rescue.turnIds().length === 0);
    expect(store.turns().map(([, { outcome }]) => outcome)).toEqual(Array(30).fill('interrupted'));
    expect(reported.sort()).toEqual(
      store
        .turns()
        .map(([{ turnId }]) => turnId)
        .sort(),
    );
  });

  it('ends the turns of repeated begin() calls', async () => {
    const { store, rescue, claim } = await abandoned();
    for (let count = 1; count <= 10; count += 1) {
      if (count > 1) await addTurn(store, count);
      rescue.begin(await claim());
      await until(() => rescue.turnIds().length === 0);
      expect(store.turn(`turn-${count}`)[1].outcome).toBe('interrupted');
    }
  });

  it('asks for eight answers at the same time, also across begin() calls', async () => {
    const { client, asked, answer } = heldDify();
    const { store, rescue, claim } = await abandoned({}, { client });
    await addTurns(store, 9);
    const turns = await claim();
    rescue.begin(turns.slice(0, 3));
    rescue.begin(turns.slice(3));
    await settle();
    expect(asked()).toBe(8);
    answer();
    await until(() => rescue.turnIds().length === 0);
  });

  it('reports that an answer is too long, and saves all of it', async () => {
    const settings = { ...turnSettings, maxAnswerChars: 3 };
    const { store, rescue, client, claim } = await abandoned({}, { settings });
    const { answer, ...ids } = await answered(client);
    await store.checkpoint('turn-1', {
      ...ids,
      answer: answer.slice(0, 3),
      lastEventId: 2,
      isTakenBack: false,
    });
    rescue.begin(await claim());
    await ended(store);
    expect(store.turn('turn-1')[1]).toMatchObject({
      outcome: 'interrupted',
      errorCode: 'answer-too-long',
      answer,
    });
  });

  it('completes a turn whose answer is exactly as long as the limit', async () => {
    const { text } = await askDify(difyClient(difySettings(dify)), { query, user });
    const settings = { ...turnSettings, maxAnswerChars: text.length };
    const { store, rescue, claim } = await abandoned({}, { settings });
    rescue.begin(await claim());
    await ended(store);
    expect(store.turn('turn-1')[1]).toMatchObject({ outcome: 'completed', errorCode: null, answer: text });
  });

  it('asks for no more answers after stop(), and releases all turns', async () => {
    const { client, asked, answer } = heldDify();
    const { store, rescue, claim } = await abandoned({}, { client });
    await addTurns(store, 9);
    rescue.begin(await claim());
    await settle();
    const stopped = rescue.stop();
    expect(rescue.turnIds()).toEqual([]);
    answer();
    await stopped;
    expect(asked()).toBe(8);
    expect(store.turns().map(([, { outcome }]) => outcome)).toEqual(Array(9).fill('pending'));
  });

  it('stops only when a running save is done', async () => {
    const [saving, saved] = [createGate(), createGate()];
    const { store, log, claim } = await abandoned();
    const rescue = createRescue({
      settings: turnSettings,
      upstreams: oneUpstream(difyClient(difySettings(dify))),
      onTurnEnded: () => undefined,
      dropConversation: async () => undefined,
      store: {
        ...store,
        async close(...ending) {
          saving.open();
          await saved.opened;
          return store.close(...ending);
        },
      },
      log,
    });
    rescue.begin(await claim());
    await saving.opened;
    let isStopped = false;
    const stopped = rescue.stop().then(() => (isStopped = true));
    await settle();
    expect(isStopped).toBe(false);
    saved.open();
    await stopped;
    expect(store.turn('turn-1')[1].outcome).toBe('interrupted');
  });

  it('does not wait for recoveryMs when it is stopped', async () => {
    const settings = { ...turnSettings, recoveryMs: 60_000 };
    const { client, asked, answer } = heldDify();
    const { rescue, claim } = await abandoned({}, { settings, client });
    rescue.begin(await claim());
    await settle();
    answer();
    await settle();
    await rescue.stop();
    expect(asked()).toBe(1);
  });

  it('leaves unfinished turns pending when it is stopped, and accepts no more turns', async () => {
    const { store, rescue, claim } = await abandoned();
    const turns: readonly AbandonedTurn[] = await claim();
    rescue.begin(turns);
    await rescue.stop();
    rescue.begin(turns);
    await settle();
    expect(rescue.turnIds()).toEqual([]);
    expect(store.turn('turn-1')[1].outcome).toBe('pending');
  });
});
