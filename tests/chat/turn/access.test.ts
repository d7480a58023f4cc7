import { isTerminal } from '../../../src/chat/contract/stream-event';
import type { Frame } from '../../../src/chat/stream/sse';
import type { TurnAccess } from '../../../src/chat/turn/access';
import { createDifyEmulator, type DifyEmulator } from '../../dify-emulator';
import { composeAnswer } from '../../dify-emulator/answer';
import { toDeltas } from '../../dify-emulator/text';
import { holdsWithin } from '../../support/until';
import { collect, createGate, settle, thrown } from '../support/collect';
import { heldReply } from '../support/dify';
import { ada, bob, keeper } from '../support/fixtures';
import { createHarness, eventsOf, shownText, toEvents, type HarnessOptions } from '../support/harness';
import { onlySession } from '../support/memory-turn-store';

jest.setTimeout(10_000);

const query = 'How is the sea?';
const wholeText = toDeltas(composeAnswer({ prompt: keeper.prompt ?? '', query, earlier: [] })).join('');
const never = new AbortController().signal;
const notFound = expect.objectContaining({
  name: 'ChatError',
  code: 'turn-not-found',
  status: 404,
  details: {},
});

let dify: DifyEmulator;

beforeEach(async () => {
  dify = await createDifyEmulator({ titleDelayMs: 1, stopDelayMs: 5 }).listen();
});

afterEach(async () => {
  await dify.idle();
  expect(dify.openStreams).toBe(0);
  await dify.close();
});

type Options = Omit<HarnessOptions, 'dify'>;

/** Returns the frames that a follower of the turn gets. */
async function framesOf(turns: TurnAccess, turnId: string, cursor: number): Promise<Frame[]> {
  const follow = await turns.follow(ada, turnId, cursor);
  return follow === null ? [] : (await collect(follow(never))).flat();
}

/** Creates a harness with a stop grace of a minute, unless the test sets another one. */
function harness({ settings, ...options }: Options = {}) {
  return createHarness({ dify, settings: { stopGraceMs: 60_000, ...settings }, ...options });
}

/** Simulates two processes on one database. `checkpointed` settles when the task id of Dify is saved. */
function twoProcesses(
  { here: options = {} }: { readonly here?: Options } = {},
  settings: Options['settings'] = {},
) {
  const checkpointed = createGate();
  const there = harness({
    settings: { checkpointEveryMs: 1, ...settings },
    store: (memory) => ({
      checkpoint: async (turnId, progress) => {
        const isStopRequested = await memory.checkpoint(turnId, progress);
        if (progress.taskId !== undefined) checkpointed.open();
        return isStopRequested;
      },
    }),
  });
  const here = harness({ ...options, store: () => there.store });
  return { there, here, checkpointed: checkpointed.opened };
}

const stopCalls = () => dify.requests.filter(({ path }) => path.endsWith('/stop'));
const answersOf = (conversationId: string | null) =>
  dify.messages(conversationId ?? '').map(({ answer }) => answer);

describe('createTurnAccess', () => {
  describe('find', () => {
    it('returns the owner’s turn, and whether it is live', async () => {
      const { ask, turns } = harness();
      const reply = heldReply(dify);
      const turn = await ask();
      expect(await turns.find(ada, turn.turnId)).toMatchObject({
        isLive: true,
        saved: [{ query, role: 'user' }, { outcome: 'pending' }],
      });
      await (await reply).end();
      await turn.ended;
      expect(await turns.find(ada, turn.turnId)).toMatchObject({
        isLive: false,
        saved: [{}, { outcome: 'completed' }],
      });
    });

    it('returns whether a turn of another process is live', async () => {
      const { there, here } = twoProcesses();
      const reply = heldReply(dify);
      const turn = await there.ask();
      expect(await here.turns.find(ada, turn.turnId)).toMatchObject({ isLive: true });
      await (await reply).end();
      await turn.ended;
      expect(await here.turns.find(ada, turn.turnId)).toMatchObject({ isLive: false });
    });
  });

  it('throws the same 404 for another user’s turn, live or ended, and for an unknown turn', async () => {
    const { ask, turns, live } = harness();
    const reply = heldReply(dify);
    const turn = await ask();
    const expectNone = async () => {
      for (const [owner, turnId] of [
        [bob, turn.turnId],
        [ada, 'turn-1'],
        [ada, ''],
      ] as const) {
        expect(await thrown(turns.find(owner, turnId))).toEqual(notFound);
        expect(await thrown(turns.follow(owner, turnId, 0))).toEqual(notFound);
        expect(await thrown(turns.stop(owner, turnId))).toEqual(notFound);
      }
    };
    await expectNone();
    expect(live.find(turn.turnId)).toBe(turn);
    await (await reply).end();
    expect(await turn.ended).toMatchObject({ outcome: 'completed' });
    await expectNone();
    expect(stopCalls()).toEqual([]);
  });

  describe('follow', () => {
    it('sends exactly the events of a live turn, from any cursor', async () => {
      const { ask, turns } = harness();
      const reply = heldReply(dify);
      const turn = await ask();
      const { say, end } = await reply;
      await say('Hel');
      const first = turn.follow(0, never);
      for (let seen = 0; seen < 2;) seen += (await first.next()).value?.length ?? 2;
      const told = Promise.all([0, 1, 2, 99].map((cursor) => framesOf(turns, turn.turnId, cursor)));
      await settle();
      await say('lo');
      await end();
      const all = (await collect(turn.follow(0, never))).flat();
      expect(await told).toEqual([all, all.slice(1), all.slice(2), all]);
    });

    it('sends the whole saved text of an ended turn', async () => {
      const { ask, turns } = harness();
      const turn = await ask();
      const end = await turn.ended;
      const events = toEvents([await framesOf(turns, turn.turnId, 0)]);
      expect(events.map(({ event }) => event)).toEqual(['turn_started', 'message', 'message_end']);
      expect(shownText(events)).toBe(wholeText);
      const { created_at: _told, ...told } = end;
      expect(events.at(-1)).toMatchObject(told);
      expect(await thrown(turns.follow(bob, turn.turnId, 0))).toEqual(notFound);
    });

    it('replaces the text of a client that had a part of an ended turn, with the ids of the turn', async () => {
      const { ask, turns } = harness();
      const turn = await ask();
      const all = await eventsOf(turn);
      const frames = await framesOf(turns, turn.turnId, 3);
      expect(frames.map(({ id }) => id)).toEqual([all.length - 1, all.length]);
      expect(toEvents([frames])[0]).toMatchObject({ event: 'message_replace', answer: wholeText });
    });

    it('sends only the end to a client that has all of the text, and is null after the end', async () => {
      const { ask, turns } = harness();
      const turn = await ask();
      const all = (await collect(turn.follow(0, never))).flat();
      await turn.ended;
      expect(await framesOf(turns, turn.turnId, all.length - 1)).toEqual(all.slice(-1));
      expect(await turns.follow(ada, turn.turnId, all.length)).toBeNull();
    });

    it('sends the text of another process’s turn at each checkpoint', async () => {
      const { there, here, checkpointed } = twoProcesses({ here: { settings: { checkpointEveryMs: 1 } } });
      const reply = heldReply(dify);
      const turn = await there.ask();
      const following = framesOf(here.turns, turn.turnId, 0).then((frames) => toEvents([frames]));
      const { say, end } = await reply;
      await say('Hel');
      await checkpointed;
      await say('lo');
      await end();
      const events = await following;
      expect(shownText(events)).toBe('Hello');
      expect(events.filter(isTerminal)).toEqual([events.at(-1)]);
      expect(events.at(-1)).toMatchObject({ event: 'message_end', outcome: 'completed' });
    });

    it('hides the prompt if the settings say so, and shows no deleted character', async () => {
      const { there, here } = twoProcesses({ here: { settings: { exposePrompt: false } } });
      const turn = await there.ask();
      await turn.ended;
      const told = JSON.stringify(toEvents([await framesOf(here.turns, turn.turnId, 0)]));
      expect(told).not.toContain(keeper.prompt);
      expect(told).toContain(keeper.introduce);
      const orphaned = harness({
        store: () => ({
          ...there.store,
          find: async (owner, turnId) => {
            const [question, answer] = (await there.store.find(owner, turnId)) ?? there.store.turn(turnId);
            return [
              { ...question, characterId: null },
              { ...answer, characterId: null },
            ];
          },
        }),
      });
      const events = toEvents([await framesOf(orphaned.turns, turn.turnId, 0)]);
      expect(events.at(-1)).toMatchObject({ data: [{ ai_character: null }, { ai_character: null }] });
    });

    describe('sends the creation time of a turn', () => {
      const second = Date.parse('2026-01-02T03:04:05.999Z');
      beforeEach(() =>
        jest.useFakeTimers({
          now: second,
          doNotFake: [
            'setTimeout',
            'clearTimeout',
            'setInterval',
            'clearInterval',
            'setImmediate',
            'clearImmediate',
            'nextTick',
            'queueMicrotask',
            'performance',
            'hrtime',
          ],
        }),
      );
      afterEach(() => jest.useRealTimers());

      it('with the same second live and afterwards, however long saving takes', async () => {
        const { ask, turns } = harness({
          store: (memory) => ({
            open: async (turn) => {
              const isOpen = await memory.open(turn);
              jest.setSystemTime(second + 10);
              return isOpen;
            },
          }),
        });
        const turn = await ask();
        const live = await eventsOf(turn);
        const afterwards = toEvents([await framesOf(turns, turn.turnId, 0)]);
        expect(afterwards.at(-1)?.created_at).toBe(live.at(-1)?.created_at);
      });
    });
  });

  describe('stop', () => {
    it('calls Dify as the upstream user, reads the reply to its end, and saves it as stopped', async () => {
      const { ask, turns, store } = harness();
      const reply = heldReply(dify);
      const turn = await ask();
      const { say, taskId } = await reply;
      await say('Hel');
      await told(turn, 2);
      const state = await turns.stop(ada, turn.turnId);
      expect(state).toMatchObject({
        isLive: false,
        saved: [{ answer: 'Hel' }, { outcome: 'stopped', errorCode: null, answer: 'Hel' }],
      });
      expect(state.saved[1].usage).toMatchObject({ currency: 'USD' });
      expect(stopCalls()).toHaveLength(1);
      expect(stopCalls()[0]).toMatchObject({
        method: 'POST',
        path: `/v1/chat-messages/${taskId}/stop`,
        body: { user: 'user-doc-ada' },
      });
      // Dify saves a partial answer only if the client reads the reply to its end.
      expect(answersOf(state.saved[1].conversationId)).toEqual(['Hel']);
      const events = await eventsOf(turn);
      expect(events.filter(isTerminal)).toEqual([events.at(-1)]);
      expect(events.at(-1)).toMatchObject({ event: 'message_end', outcome: 'stopped' });
      expect(onlySession(store, ada).liveTurnId).toBeNull();
    });

    it('returns the same to parallel callers, and calls Dify once', async () => {
      const { ask, turns } = harness();
      const reply = heldReply(dify);
      const turn = await ask();
      await (await reply).say('Hel');
      await told(turn, 2);
      const [one, two] = await Promise.all([turns.stop(ada, turn.turnId), turns.stop(ada, turn.turnId)]);
      expect(one).toEqual(two);
      expect(await turns.stop(ada, turn.turnId)).toEqual(one);
      expect(stopCalls()).toHaveLength(1);
    });

    it('waits for the task id of Dify before it calls Dify', async () => {
      const { ask, turns } = harness();
      const reply = heldReply(dify);
      const turn = await ask();
      const { say } = await reply;
      const stopping = turns.stop(ada, turn.turnId);
      await settle();
      expect(stopCalls()).toEqual([]);
      await say('Hel');
      expect((await stopping).saved[1]).toMatchObject({ outcome: 'stopped', answer: 'Hel' });
      expect(stopCalls()).toHaveLength(1);
    });

    it('ends the turn after the grace if Dify ignores the stop, and reads Dify to its end', async () => {
      const { ask, turns, store } = harness({ settings: { stopGraceMs: 30 } });
      const reply = heldReply(dify);
      const turn = await ask();
      const { say, ignoreStop, end } = await reply;
      ignoreStop();
      await say('Hel');
      await told(turn, 2);
      const { saved } = await turns.stop(ada, turn.turnId);
      expect(saved[1]).toMatchObject({ outcome: 'stopped', answer: 'Hel', usage: null });
      // The stop call to Dify may take longer than the grace.
      expect(await holdsWithin(5_000, () => stopCalls().length === 1)).toBe(true);
      expect(dify.openStreams).toBe(1);
      await say('lo');
      await end();
      await dify.idle();
      expect(answersOf(saved[1].conversationId)).toEqual(['Hello']);
      expect(store.turn(turn.turnId)[1]).toMatchObject({ outcome: 'stopped', answer: 'Hel' });
      expect(shownText(await eventsOf(turn))).toBe('Hel');
    });

    it('ends without text before the first delta, and calls Dify once it sends its task id', async () => {
      const { ask, turns } = harness({ settings: { stopGraceMs: 20 } });
      const reply = heldReply(dify);
      const turn = await ask();
      const { ping, say, taskId } = await reply;
      await ping();
      const { saved } = await turns.stop(ada, turn.turnId);
      expect(saved[1]).toMatchObject({ outcome: 'stopped', answer: '', conversationId: null });
      expect(stopCalls()).toEqual([]);
      await say('Hel');
      await dify.idle();
      expect(stopCalls().map(({ path }) => path)).toEqual([`/v1/chat-messages/${taskId}/stop`]);
      expect(shownText(await eventsOf(turn))).toBe('');
    });

    it('saves the turn as stopped even if Dify breaks the connection', async () => {
      const { ask, turns } = harness();
      const reply = heldReply(dify);
      const turn = await ask();
      const { say, ignoreStop, reset } = await reply;
      ignoreStop();
      await say('Hel');
      await told(turn, 2);
      const stopping = turns.stop(ada, turn.turnId);
      await settle();
      await reset();
      expect((await stopping).saved[1]).toMatchObject({ outcome: 'stopped', answer: 'Hel', errorCode: null });
    });

    it('does not change a turn that has ended, and does not call Dify', async () => {
      const { ask, turns } = harness();
      const turn = await ask();
      await turn.ended;
      const before = await turns.find(ada, turn.turnId);
      expect(await turns.stop(ada, turn.turnId)).toEqual(before);
      expect(before).toMatchObject({ isLive: false, saved: [{}, { outcome: 'completed' }] });
      expect(stopCalls()).toEqual([]);
    });

    it('lets the session continue in the same conversation of Dify', async () => {
      const { ask, askToEnd, turns, store } = harness();
      const reply = heldReply(dify);
      const turn = await ask();
      await (await reply).say('Hel');
      await told(turn, 2);
      await turns.stop(ada, turn.turnId);
      const events = await askToEnd({ session: { sessionId: turn.sessionId } });
      expect(events.at(-1)).toMatchObject({ event: 'message_end', outcome: 'completed' });
      expect(answersOf(onlySession(store, ada).conversationId)).toHaveLength(2);
    });

    it('stops no other turn', async () => {
      const { ask, turns } = harness();
      const first = heldReply(dify);
      const one = await ask();
      await (await first).say('Hel');
      const second = heldReply(dify);
      const two = await ask();
      const other = await second;
      await told(one, 2);
      await turns.stop(ada, one.turnId);
      await other.say('Hi');
      await other.end();
      expect(await two.ended).toMatchObject({ outcome: 'completed' });
    });

    describe('for a turn that another process answers', () => {
      it('calls Dify from this process, and the other process saves the turn as stopped', async () => {
        const { there, here, checkpointed } = twoProcesses();
        const reply = heldReply(dify);
        const turn = await there.ask();
        const { say, taskId } = await reply;
        await say('Hel');
        await checkpointed;
        await here.turns.stop(ada, turn.turnId);
        expect(stopCalls()).toMatchObject([
          { path: `/v1/chat-messages/${taskId}/stop`, body: { user: 'user-doc-ada' } },
        ]);
        expect(await turn.ended).toMatchObject({ event: 'message_end', outcome: 'stopped' });
        expect(await here.turns.find(ada, turn.turnId)).toMatchObject({
          isLive: false,
          saved: [{}, { outcome: 'stopped', answer: 'Hel' }],
        });
      });

      it('is noticed there at the next checkpoint, so it ends also if Dify does not obey', async () => {
        const { there, here, checkpointed } = twoProcesses({}, { stopGraceMs: 5 });
        const reply = heldReply(dify);
        const turn = await there.ask();
        const { say, ignoreStop } = await reply;
        ignoreStop();
        await say('Hel');
        await checkpointed;
        await here.turns.stop(ada, turn.turnId);
        await say('lo');
        expect(await turn.ended).toMatchObject({ event: 'message_end', outcome: 'stopped' });
      });

      it('returns the turn as pending until the other process notices', async () => {
        const { there, here, checkpointed } = twoProcesses();
        const reply = heldReply(dify);
        const turn = await there.ask();
        const { say, ignoreStop, end } = await reply;
        ignoreStop();
        await say('Hel');
        await checkpointed;
        expect(await here.turns.stop(ada, turn.turnId)).toMatchObject({ isLive: true });
        await say('lo');
        await end();
        expect(await turn.ended).toMatchObject({ outcome: 'stopped' });
        expect(there.store.turn(turn.turnId)[1]).toMatchObject({ outcome: 'stopped', answer: 'Hello' });
      });

      it('saves the stop without calling Dify if the task id is unknown', async () => {
        const { there, here } = twoProcesses();
        const reply = heldReply(dify);
        const turn = await there.ask();
        const { end } = await reply;
        expect(await here.turns.stop(ada, turn.turnId)).toMatchObject({ isLive: true });
        expect(stopCalls()).toEqual([]);
        await end();
        expect(await turn.ended).toMatchObject({ outcome: 'stopped' });
      });

      it('saves the stop and returns the turn even if Dify is unreachable', async () => {
        const { there, here, checkpointed } = twoProcesses({
          here: { difySettings: { apiUrl: 'http://127.0.0.1:9/v1' } },
        });
        const reply = heldReply(dify);
        const turn = await there.ask();
        const { say, end } = await reply;
        await say('Hel');
        await checkpointed;
        const stopping = here.turns.stop(ada, turn.turnId).catch((error: unknown) => error);
        const state = await stopping;
        await end();
        expect(await turn.ended).toMatchObject({ outcome: 'stopped' });
        expect(state).toMatchObject({ isLive: true });
      });
    });
  });
});

/** Settles when a follower has received this number of events. */
async function told(turn: Parameters<typeof eventsOf>[0], count: number): Promise<void> {
  let seen = 0;
  for await (const batch of turn.follow(0, never)) {
    seen += batch.length;
    if (seen >= count) return;
  }
}
