import type { DifySettings, TurnSettings } from '../../../src/chat/settings';
import { ChatError, chatErrors, toChatError, type ChatErrorCode } from '../../../src/chat/errors';
import type { LiveTurn } from '../../../src/chat/stream/live-turns';
import type { SavedTurn } from '../../../src/chat/model/turn';
import type { TurnStore } from '../../../src/chat/ports/turn-store';
import { defaultChoice } from '../../../src/chat/model/character';
import type { Question } from '../../../src/chat/model/question';
import { isTerminal, type WireEvent } from '../../../src/chat/contract/stream-event';
import { createDifyEmulator, type DifyEmulator, type Fault, type FaultName } from '../../dify-emulator';
import { composeAnswer } from '../../dify-emulator/answer';
import { toDeltas } from '../../dify-emulator/text';
import { createGate, settle, thrown, until } from '../support/collect';
import { difyClient, difySettings, heldReply } from '../support/dify';
import { ada, bob, ending, keeper, newTurn, pirate } from '../support/fixtures';
import { createHarness, eventsOf, shownText, type HarnessOptions } from '../support/harness';
import { createMemoryCounters } from '../support/memory-counters';
import { onlySession } from '../support/memory-turn-store';

jest.setTimeout(10_000);

const query = 'How is the sea?';
const deltas = toDeltas(composeAnswer({ prompt: keeper.prompt ?? '', query, earlier: [] }));
const wholeText = deltas.join('');
const first = (count: number) => deltas.slice(0, count).join('');
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/u;

let dify: DifyEmulator;

beforeEach(async () => {
  dify = await createDifyEmulator({ titleDelayMs: 1, pingEveryMs: 10 }).listen();
});

afterEach(async () => {
  await dify.idle();
  expect(dify.openStreams).toBe(0);
  await dify.close();
});

/** Opens the first turn, and fails for every other one. */
function failSecond(open: TurnStore['open']): TurnStore['open'] {
  let opened = 0;
  return async (turn) => {
    opened += 1;
    if (opened > 1) throw new Error('The database is busy.');
    return open(turn);
  };
}

function harness(options: Omit<HarnessOptions, 'dify'> = {}) {
  return createHarness({ dify, ...options });
}

describe('createTurns', () => {
  describe('start', () => {
    it('saves the question before it calls Dify', async () => {
      const { ask, store, live } = harness();
      const reply = heldReply(dify);
      const turn = await ask();
      expect(store.turn(turn.turnId)).toMatchObject([
        { role: 'user', query, messageId: expect.stringMatching(/^msg_\d{13}_[0-9a-f]{16}$/u) },
        { role: 'assistant', query, answer: '', outcome: 'pending' },
      ]);
      expect(onlySession(store, ada)).toMatchObject({ liveTurnId: turn.turnId, title: query });
      await (await reply).end();
      await live.idle();
    });

    it('sends events in the format of Dify: the start, the text, the end with both messages', async () => {
      const { ask, store } = harness();
      const turn = await ask();
      const events = await eventsOf(turn);
      const [question, answer] = store.turn(turn.turnId);
      const session = onlySession(store, ada);
      const ours = { turn_id: turn.turnId, task_id: turn.turnId, session_id: session.sessionId };
      expect(turn.turnId).toMatch(uuid);
      expect(session.sessionId).toMatch(uuid);
      expect(events[0]).toEqual({
        event: 'turn_started',
        ...ours,
        conversation_id: null,
        message_id: expect.stringMatching(/^msg_/u),
        question_message_id: question.messageId,
        created_at: expect.any(Number),
      });
      const ids = { ...ours, conversation_id: session.conversationId, message_id: answer.messageId };
      const texts = events.slice(1, -1);
      expect(texts).toEqual(
        deltas.map((text) => ({
          event: 'message',
          ...ids,
          id: answer.messageId,
          answer: text,
          created_at: events[0]?.created_at,
        })),
      );
      expect(events.at(-1)).toMatchObject({
        event: 'message_end',
        ...ids,
        outcome: 'completed',
        metadata: { usage: answer.usage },
        data: [
          { id: question.id, role: 'user', query, answer: wholeText, user: { username: 'ada' } },
          { id: answer.id, role: 'assistant', query, answer: wholeText, ai_character: { id: keeper.id } },
        ],
      });
      expect(answer).toMatchObject({ outcome: 'completed', answer: wholeText, errorCode: null });
      expect(answer.usage).toMatchObject({ currency: 'USD' });
      expect(dify.messages(session.conversationId ?? '')).toMatchObject([{ id: answer.messageId }]);
    });

    it('calls Dify with the upstream user, the character’s prompt and the client’s inputs', async () => {
      const { askToEnd } = harness();
      await askToEnd({ inputs: { mood: 'calm', prompt: 'mine' } });
      expect(dify.requests[0]?.body).toMatchObject({
        query,
        user: 'user-doc-ada',
        conversation_id: '',
        inputs: { mood: 'calm', prompt: keeper.prompt },
      });
    });

    it("sends the character's inputs, and does not blame the client if Dify refuses one", async () => {
      const upstream = { ...defaultChoice, inputs: { mood: 'loud', secret_tone: 'x' } };
      const { askToEnd, store } = harness({ character: { upstream } });
      await askToEnd({ inputs: { mood: 'calm' } });
      expect(dify.requests[0]?.body).toHaveProperty('inputs', {
        mood: 'calm',
        secret_tone: 'x',
        prompt: keeper.prompt,
      });
      const message = 'secret_tone in input form must be less than 0 characters';
      dify.next({ name: 'refuse', status: 400, code: 'invalid_param', message });
      const events = await askToEnd({ inputs: { mood: 'calm' } });
      expect(events.at(-1)).toMatchObject({ event: 'error', code: 'upstream-misconfigured', status: 502 });
      expect(JSON.stringify(events)).not.toContain('secret_tone');
      expect(store.turns().at(-1)?.[1].errorCode).toBe('upstream-misconfigured');
    });

    it('continues the conversation of the session', async () => {
      const { askToEnd, store } = harness();
      await askToEnd();
      const { sessionId, conversationId } = onlySession(store, ada);
      await askToEnd({ session: { sessionId } });
      await askToEnd({ session: { conversationId: conversationId ?? '' } });
      expect(conversationId).toMatch(uuid);
      expect(dify.messages(conversationId ?? '')).toHaveLength(3);
      expect(store.turns()).toHaveLength(3);
      expect(onlySession(store, ada)).toMatchObject({ conversationId, liveTurnId: null });
    });

    it.each([keeper.documentId, String(keeper.id)])('finds the character by %s', async (characterId) => {
      const { askToEnd, store } = harness();
      await askToEnd({ characterId });
      expect(onlySession(store, ada).characterId).toBe(keeper.documentId);
    });

    it('hides the prompt if the settings say so', async () => {
      const { askToEnd } = harness({ settings: { exposePrompt: false } });
      const told = JSON.stringify(await askToEnd());
      expect(told).not.toContain(keeper.prompt);
      expect(told).toContain(keeper.introduce);
    });

    it.each<[string, Partial<Question>, ChatErrorCode]>([
      ['an unknown character', { characterId: 'nobody' }, 'character-not-found'],
      ['an unpublished character', { characterId: 'character-draft' }, 'character-not-found'],
      ['a character without a prompt', { characterId: 'character-unborn' }, 'character-without-prompt'],
      ['a character with a blank prompt', { characterId: 'character-silent' }, 'character-without-prompt'],
      ['an unknown session', { session: { sessionId: 'nowhere' } }, 'session-not-found'],
      ['an unknown conversation', { session: { conversationId: 'nowhere' } }, 'session-not-found'],
    ])('rejects %s, saves nothing and does not call Dify', async (_name, changes, code) => {
      const { ask, store, live } = harness();
      expect(await thrown(ask(changes))).toMatchObject({ name: 'ChatError', code });
      expect(store.turns()).toEqual([]);
      expect(store.sessions()).toEqual([]);
      expect(live.all().map(({ turnId }) => turnId)).toEqual([]);
      expect(dify.requests).toEqual([]);
    });

    it('rejects another user’s session, a deleted session and a session with another character', async () => {
      const { ask, askToEnd, store } = harness();
      await askToEnd();
      const { sessionId } = onlySession(store, ada);
      const session = { sessionId };
      expect(await thrown(ask({ owner: bob, session }))).toMatchObject({ code: 'session-not-found' });
      expect(await thrown(ask({ characterId: pirate.documentId, session }))).toMatchObject({
        code: 'invalid-request',
        details: { session_id: sessionId },
      });
      store.deleteSession(sessionId);
      expect(await thrown(ask({ session }))).toMatchObject({ code: 'session-not-found' });
      expect(store.turns()).toHaveLength(1);
      expect(dify.requests).toHaveLength(1);
    });

    it('continues the conversation that another turn saved between reading and saving', async () => {
      const { ask, store } = harness({
        store: (memory) => {
          let isFirst = true;
          return {
            async open(turn) {
              if (turn.session.rowId !== null && isFirst) {
                isFirst = false;
                const between = { ...turn, turnId: 'between', questionMessageId: 'q', answerMessageId: 'a' };
                await memory.open(between);
                await memory.close('between', ending({ conversationId: 'named-between' }));
              }
              return memory.open(turn);
            },
          };
        },
      });
      await (
        await ask()
      ).ended;
      const { sessionId } = onlySession(store, ada);
      const turn = await ask({ session: { sessionId } });
      await turn.ended;
      expect(dify.requests.at(-1)?.body).toMatchObject({ conversation_id: 'named-between' });
    });

    it('rejects a question while the previous one is being answered, and accepts it afterwards', async () => {
      const { ask, askToEnd, store } = harness();
      const reply = heldReply(dify);
      const turn = await ask();
      const session = { sessionId: turn.sessionId };
      expect(await thrown(ask({ session }))).toMatchObject({
        code: 'turn-in-progress',
        details: { turn_id: turn.turnId },
      });
      expect(dify.requests.length).toBeLessThanOrEqual(1);
      await (await reply).end();
      await turn.ended;
      await askToEnd({ session });
      expect(store.turns()).toHaveLength(2);
    });

    it('answers several sessions at the same time, each with its own text', async () => {
      const { ask } = harness();
      const queries = ['One?', 'Two?', 'Three?', 'Four?'];
      const turns = await Promise.all(queries.map((one) => ask({ query: one })));
      const shown = await Promise.all(turns.map(async (turn) => shownText(await eventsOf(turn))));
      for (const [index, text] of shown.entries()) expect(text).toContain(queries[index]);
    });

    it('never calls Dify if the question cannot be saved', async () => {
      const full = new Error('disk full');
      const { ask, live } = harness({ store: () => ({ open: () => Promise.reject(full) }) });
      expect(await thrown(ask())).toBe(full);
      await settle();
      expect(dify.requests).toEqual([]);
      expect(live.all().map(({ turnId }) => turnId)).toEqual([]);
    });

    it('keeps the turn in the list of live turns until it has ended', async () => {
      const { ask, live } = harness();
      const reply = heldReply(dify);
      const turn = await ask();
      expect(live.find(turn.turnId)).toBe(turn);
      await (await reply).end();
      await live.idle();
      expect(live.all().map(({ turnId }) => turnId)).toEqual([]);
    });
  });

  describe('saves the answer', () => {
    it('even if no client follows', async () => {
      const { ask, store } = harness();
      const turn = await ask();
      await turn.ended;
      expect(store.turn(turn.turnId)[1]).toMatchObject({ outcome: 'completed', answer: wholeText });
    });

    it('even if all clients leave in the middle', async () => {
      const { ask, store } = harness();
      const reply = heldReply(dify);
      const turn = await ask();
      const leaving = new AbortController();
      const followers = [leave(turn.follow(0, leaving.signal)), leave(turn.follow(0, leaving.signal))];
      const { say, end } = await reply;
      await say('Hel');
      leaving.abort();
      await Promise.all(followers);
      await say('lo');
      await end();
      await turn.ended;
      expect(store.turn(turn.turnId)[1]).toMatchObject({ outcome: 'completed', answer: 'Hello' });
    });

    it('before it sends the end', async () => {
      const saving = createGate();
      const closing = createGate();
      const { ask, store } = harness({
        store: (memory) => ({
          close: async (...args) => {
            saving.open();
            await closing.opened;
            return memory.close(...args);
          },
        }),
      });
      const turn = await ask();
      const seen: WireEvent[] = [];
      const following = watch(turn.follow(0, new AbortController().signal), seen);
      await dify.idle();
      await saving.opened;
      await settle();
      expect(shownText(seen)).toBe(wholeText);
      expect(seen.filter(isTerminal)).toEqual([]);
      expect(store.turn(turn.turnId)[1].outcome).toBe('pending');
      closing.open();
      await following;
      expect(seen.at(-1)).toMatchObject({ event: 'message_end', outcome: 'completed' });
      expect(store.turn(turn.turnId)[1].outcome).toBe('completed');
    });

    it('so far while Dify is still writing', async () => {
      const checkpoint = createGate();
      const { ask, store } = harness({
        store: (memory) => ({
          checkpoint: async (...args) => {
            const isStopRequested = await memory.checkpoint(...args);
            checkpoint.open();
            return isStopRequested;
          },
        }),
      });
      const reply = heldReply(dify);
      const turn = await ask();
      const { say, end, messageId, conversationId } = await reply;
      await say('Hello');
      await checkpoint.opened;
      expect(store.turn(turn.turnId)[1]).toMatchObject({
        outcome: 'pending',
        answer: 'Hello',
        messageId,
        conversationId,
      });
      await end();
      await turn.ended;
    });

    it('even if every checkpoint fails', async () => {
      const { ask, store, log } = harness({
        store: () => ({ checkpoint: () => Promise.reject(new Error('SQL with the answer in it')) }),
      });
      dify.next({ name: 'slow-deltas', ms: 2 });
      const turn = await ask();
      expect(await turn.ended).toMatchObject({ event: 'message_end' });
      expect(store.turn(turn.turnId)[1]).toMatchObject({ outcome: 'completed', answer: wholeText });
      expect(log.lines.join()).toContain('a checkpoint failed');
      expect(log.lines.join()).not.toContain('SQL with the answer');
    });

    it('under its own id if its Dify id is taken', async () => {
      const { ask, store } = harness();
      const messageIds: string[] = [];
      for (const _turn of [1, 2]) {
        dify.script(async ({ raw, finish, cut }) => {
          await raw('data: {"event":"message","answer":"Hi","message_id":"same","conversation_id":"c"}\n\n');
          await finish({ message_id: 'same', conversation_id: 'c' });
          await cut();
        });
        const turn = await ask();
        expect(await turn.ended).toMatchObject({ message_id: store.turn(turn.turnId)[1].messageId });
        messageIds.push(store.turn(turn.turnId)[1].messageId);
      }
      expect(messageIds).toEqual(['same', expect.stringMatching(/^msg_/u)]);
    });
  });

  describe('ends with exactly one terminal event', () => {
    it('even if the end cannot be saved', async () => {
      const { askToEnd, log } = harness({
        store: () => ({ close: () => Promise.reject(new Error('SQL with the answer in it')) }),
      });
      const events = await askToEnd();
      expect(shownText(events)).toBe(wholeText);
      expect(events.filter(isTerminal)).toEqual([events.at(-1)]);
      expect(events.at(-1)).toMatchObject({
        event: 'error',
        outcome: 'failed',
        code: 'internal',
        status: 500,
      });
      expect(log.lines.join()).not.toContain('SQL with the answer');
    });

    it('even if the saved end cannot be sent', async () => {
      const { ask, live, log } = harness({
        limits: { turnsAtOnce: 1 },
        store: (memory) => ({
          close: async (...args) => {
            const [question, answer] = await memory.close(...args);
            return [question, { ...answer, updatedAt: new Date('no date') }];
          },
        }),
      });
      const turn = await ask();
      await until(() => log.lines.length > 0);
      await settle();
      expect(live.all().map(({ turnId }) => turnId)).toEqual([]);
      const events = await eventsOf(turn);
      expect(events.filter(isTerminal)).toEqual([events.at(-1)]);
      expect(events.at(-1)).toMatchObject({ event: 'error', outcome: 'failed', code: 'internal' });
      expect(log.lines).toEqual([expect.stringMatching(/^error Turn .*: its end could not be sent/u)]);
      // Its place is free for the next turn.
      const next = await ask();
      await next.ended;
    });

    it('which is the right one if the end is saved at the third try', async () => {
      let tries = 0;
      const { askToEnd, store } = harness({
        store: (memory) => ({
          close: (...args) => {
            tries += 1;
            return tries < 3 ? Promise.reject(new Error('away')) : memory.close(...args);
          },
        }),
      });
      const events = await askToEnd();
      expect(events.filter(isTerminal)).toEqual([events.at(-1)]);
      expect(events.at(-1)).toMatchObject({ event: 'message_end', outcome: 'completed' });
      expect(onlySession(store, ada).liveTurnId).toBeNull();
    });

    it('which is the end that another process has saved before', async () => {
      const { askToEnd } = harness({
        store: (memory) => ({
          close: async (turnId, ending) => {
            await memory.close(turnId, { ...ending, outcome: 'interrupted', errorCode: 'process-died' });
            return memory.close(turnId, ending);
          },
        }),
      });
      expect((await askToEnd()).at(-1)).toMatchObject({
        event: 'error',
        outcome: 'interrupted',
        code: 'process-died',
      });
    });

    it('if the answer becomes too long, saves the text so far and disconnects from Dify', async () => {
      const { ask, store, log } = harness({ settings: { maxAnswerChars: 1_000 } });
      dify.next({ name: 'huge-answer', chars: 500_000 });
      const turn = await ask();
      const events = await eventsOf(turn);
      expect(events.filter(isTerminal)).toEqual([events.at(-1)]);
      expect(events.at(-1)).toMatchObject({
        event: 'error',
        outcome: 'interrupted',
        code: 'answer-too-long',
      });
      const { answer, outcome } = store.turn(turn.turnId)[1];
      expect(outcome).toBe('interrupted');
      expect(answer?.length).toBeGreaterThan(900);
      expect(answer?.length).toBeLessThan(1_100);
      expect(answer?.startsWith(shownText(events))).toBe(true);
      expect(log.lines.join('\n')).toContain('CHAT_MAX_ANSWER_CHARS');
    });

    it('which contains no details except for its code and sentence', async () => {
      const { askToEnd, log } = harness();
      const message = 'Incorrect API key provided: sk-1234';
      dify.script((reply) => reply.error('completion_request_error', message));
      const events = await askToEnd();
      expect(events.at(-1)).toMatchObject({
        event: 'error',
        outcome: 'failed',
        code: 'upstream-failed',
        status: 502,
        message: chatErrors['upstream-failed'].sentence,
      });
      expect(JSON.stringify(events)).not.toContain('sk-1234');
      expect(log.lines.join()).not.toContain('sk-1234');
    });

    it('which is interrupted if Dify neither sends nor saves the text', async () => {
      const { askToEnd, store } = harness({
        difySettings: { endTimeoutMs: 30 },
        settings: { recoveryMs: 400 },
      });
      dify.next({ name: 'late-outputs-missing', saved: 'nothing' });
      await askToEnd();
      expect(store.turns()[0]?.[1]).toMatchObject({
        answer: '',
        outcome: 'interrupted',
        errorCode: 'upstream-interrupted',
      });
    });

    it.each(faultCases())(
      'which is $outcome ($code) for the fault $name of Dify',
      async ({ fault, difySettings = {}, settings = {}, outcome, code, text }) => {
        const { ask, store, live, log } = harness({ difySettings, settings });
        dify.next(fault);
        const turn = await ask();
        const events = await eventsOf(turn);
        expect(events[0]?.event).toBe('turn_started');
        expect(events.filter(isTerminal)).toEqual([events.at(-1)]);
        const saved = store.turn(turn.turnId);
        expect(saved[1]).toMatchObject({ outcome, errorCode: code, answer: text });
        expect(shownText(events)).toBe(text);
        expect(events.at(-1)).toMatchObject(
          code === null ? { event: 'message_end' } : { event: 'error', code },
        );
        expect(onlySession(store, ada).liveTurnId).toBeNull();
        expect(live.all().map(({ turnId }) => turnId)).toEqual([]);
        expectQuietLog(log.lines, saved);
      },
    );
  });

  describe('when Dify no longer has the session’s conversation', () => {
    it('continues in a new conversation, and keeps that', async () => {
      const { ask, askToEnd, store, log } = harness();
      await askToEnd();
      const { sessionId, conversationId: lost } = onlySession(store, ada);
      const [conversation] = dify.conversations();
      if (conversation !== undefined) conversation.deleted = true;

      const turn = await ask({ session: { sessionId } });
      const events = await eventsOf(turn);
      const { conversationId } = onlySession(store, ada);
      expect(shownText(events)).toBe(wholeText);
      expect(events.at(-1)).toMatchObject({ event: 'message_end', conversation_id: conversationId });
      expect(conversationId).toMatch(uuid);
      expect(conversationId).not.toBe(lost);
      expect(sentConversations()).toEqual(['', lost, '']);
      expect(log.lines.join()).toContain('in a new one');

      await askToEnd({ session: { sessionId } });
      expect(sentConversations().at(-1)).toBe(conversationId);
    });

    it('recognises the error also with the suffix of the framework', async () => {
      const { askToEnd, store } = harness();
      await askToEnd();
      const { sessionId } = onlySession(store, ada);
      dify.next('conversation-gone');
      expect((await askToEnd({ session: { sessionId } })).at(-1)).toMatchObject({ event: 'message_end' });
    });

    it('tries a new conversation only once', async () => {
      const { askToEnd, store } = harness();
      await askToEnd();
      const { sessionId, conversationId } = onlySession(store, ada);
      dify.always('conversation-gone');
      const events = await askToEnd({ session: { sessionId } });
      expect(events.at(-1)).toMatchObject({ event: 'error', code: 'upstream-conversation-gone' });
      expect(sentConversations()).toEqual(['', conversationId, '']);
    });

    it('does not try again if the session had no conversation', async () => {
      const { askToEnd } = harness();
      dify.always('conversation-gone');
      const events = await askToEnd();
      expect(events.at(-1)).toMatchObject({ code: 'upstream-conversation-gone', outcome: 'failed' });
      expect(dify.requests).toHaveLength(1);
    });

    it('does not try again after any other error', async () => {
      const { askToEnd, store } = harness();
      await askToEnd();
      const { sessionId, conversationId } = onlySession(store, ada);
      for (const code of ['too_many_requests', 'internal_server_error', 'invalid_param']) {
        dify.next({ name: 'refuse', code });
        await askToEnd({ session: { sessionId } });
      }
      expect(sentConversations()).toEqual(['', conversationId, conversationId, conversationId]);
    });
  });

  describe('a session after a failed turn', () => {
    it('accepts the next question', async () => {
      const { askToEnd, store } = harness();
      dify.next('gateway-html');
      await askToEnd();
      const { sessionId } = onlySession(store, ada);
      const events = await askToEnd({ session: { sessionId } });
      expect(events.at(-1)).toMatchObject({ event: 'message_end' });
      expect(store.turns().map(([, answer]) => answer.outcome)).toEqual(['failed', 'completed']);
    });

    it('continues the conversation of the broken answer', async () => {
      const { askToEnd, store } = harness();
      dify.next('reset-mid-frame');
      await askToEnd();
      const { sessionId, conversationId } = onlySession(store, ada);
      expect(conversationId).toBe(dify.conversations()[0]?.id);
      await askToEnd({ session: { sessionId } });
      expect(sentConversations()).toEqual(['', conversationId]);
    });
  });

  describe('regenerate', () => {
    it('asks the same question again with the new inputs', async () => {
      const { ask, turns, store } = harness();
      const turn = await ask({ inputs: { mood: 'calm', place: 'the light' } });
      await turn.ended;
      const request = { inputs: { mood: 'stormy' }, idempotencyKey: undefined };
      const again = await turns.regenerate(ada, turn.turnId, request);
      await again.awaitEnd(new AbortController().signal);
      expect(dify.requests.at(-1)?.body).toMatchObject({ query });
      expect(dify.requests.at(-1)?.body).toHaveProperty('inputs', { mood: 'stormy', prompt: keeper.prompt });
      const [{ messageId }] = store.turn(turn.turnId);
      expect(store.turn(again.turnId)[0]).toMatchObject({ parentMessageId: messageId });
    });

    describe('with an upstream that has branches', () => {
      const branching = () => ({ ...difyClient(difySettings(dify)), hasBranches: true });
      const request = { inputs: {}, idempotencyKey: undefined };
      const isSuperseded = (turn: SavedTurn) => turn.map((message) => message.isSuperseded);

      it('supersedes the turn', async () => {
        const { ask, turns, store, superseded } = createHarness({ upstream: branching() });
        const turn = await ask();
        await turn.ended;
        const again = await turns.regenerate(ada, turn.turnId, request);
        await again.awaitEnd(new AbortController().signal);
        expect(isSuperseded(store.turn(turn.turnId))).toEqual([true, true]);
        expect(superseded).toHaveLength(1);
      });

      it('leaves the turn in use if the upstream refuses, and supersedes it with the next try', async () => {
        const { ask, turns, store } = createHarness({ upstream: branching() });
        const turn = await ask();
        await turn.ended;
        const again = async (turnId: string) => {
          const sent = await turns.regenerate(ada, turnId, request);
          await sent.awaitEnd(new AbortController().signal);
          return sent.turnId;
        };
        dify.next('refuse');
        const failed = await again(turn.turnId);
        expect(isSuperseded(store.turn(turn.turnId))).toEqual([false, false]);
        expect(isSuperseded(store.turn(failed))).toEqual([true, true]);
        const next = await again(failed);
        expect(isSuperseded(store.turn(turn.turnId))).toEqual([true, true]);
        expect(isSuperseded(store.turn(next))).toEqual([false, false]);
      });

      it.each<[string, ChatErrorCode, Partial<Parameters<typeof createHarness>[0]>]>([
        ['the limit per minute', 'rate-limited', { counters: createMemoryCounters({ turnsPerMinute: 1 }) }],
        ['the limit per day', 'token-limit-reached', { counters: createMemoryCounters({ tokensPerDay: 1 }) }],
        ['a busy database', 'internal', { store: (memory) => ({ open: failSecond(memory.open) }) }],
      ])('supersedes nothing if %s refuses it', async (_what, code, options) => {
        const { ask, turns, store, superseded } = createHarness({ upstream: branching(), ...options });
        const turn = await ask();
        await turn.ended;
        const error = toChatError(await thrown(turns.regenerate(ada, turn.turnId, request)));
        expect(error.code).toBe(code);
        expect(isSuperseded(store.turn(turn.turnId))).toEqual([false, false]);
        expect(superseded).toEqual([]);
      });

      it('supersedes nothing while the process is draining', async () => {
        const { ask, turns, store } = createHarness({ upstream: branching() });
        const turn = await ask();
        await turn.ended;
        await turns.drain(60_000);
        expect(await thrown(turns.regenerate(ada, turn.turnId, request))).toMatchObject({
          code: 'server-stopping',
        });
        expect(isSuperseded(store.turn(turn.turnId))).toEqual([false, false]);
      });
    });
  });

  describe('drain', () => {
    it('settles immediately if no turn is running, and leaves no timer', async () => {
      const { turns } = harness();
      expect(turns.isDraining()).toBe(false);
      jest.useFakeTimers();
      try {
        await turns.drain(60_000);
        expect(jest.getTimerCount()).toBe(0);
      } finally {
        jest.useRealTimers();
      }
      expect([turns.isDraining(), turns.refusesTurns()]).toEqual([true, true]);
    });

    it('accepts questions during its delay, is not ready meanwhile, and waits for their answers', async () => {
      const { ask, turns } = harness();
      const reply = heldReply(dify);
      const draining = turns.drain(60_000, 200);
      expect([turns.isDraining(), turns.refusesTurns()]).toEqual([true, false]);
      const turn = await ask();
      const { end } = await reply;
      await until(() => turns.refusesTurns());
      expect(await thrown(ask())).toMatchObject({ code: 'server-stopping' });
      await end();
      await draining;
      expect(await turn.ended).toMatchObject({ outcome: 'completed' });
    });

    it('rejects every later question, saves nothing and does not call Dify', async () => {
      const { ask, turns, store } = harness();
      await turns.drain(60_000);
      expect(await thrown(ask())).toMatchObject({
        name: 'ChatError',
        code: 'server-stopping',
        status: 503,
        retryAfterSeconds: 5,
      });
      expect(store.sessions()).toEqual([]);
      expect(dify.requests).toEqual([]);
    });

    it('lets running turns end, and settles only then', async () => {
      const { ask, turns, live } = harness();
      const replies = [heldReply(dify), heldReply(dify)];
      const running = await Promise.all([ask(), ask()]);
      const [one, two] = await Promise.all(replies);
      let isDrained = false;
      const draining = turns.drain(60_000).then(() => (isDrained = true));
      expect(await thrown(ask())).toMatchObject({ code: 'server-stopping' });
      await one?.end();
      await Promise.race(running.map(({ ended }) => ended));
      await settle();
      expect(isDrained).toBe(false);
      await two?.end();
      await draining;
      for (const { ended } of running) expect(await ended).toMatchObject({ outcome: 'completed' });
      expect(live.all()).toEqual([]);
    });

    it('waits until the ends of the turns are saved', async () => {
      const closing = createGate();
      const saving = createGate();
      const { ask, turns } = harness({
        store: (memory) => ({
          close: async (...args) => {
            saving.open();
            await closing.opened;
            return memory.close(...args);
          },
        }),
      });
      const turn = await ask();
      let isDrained = false;
      const draining = turns.drain(60_000).then(() => (isDrained = true));
      await saving.opened;
      await settle();
      expect(isDrained).toBe(false);
      closing.open();
      await draining;
      expect(await turn.ended).toMatchObject({ outcome: 'completed' });
    });

    it('interrupts unfinished turns after the timeout, with the text so far', async () => {
      const { ask, turns, store } = harness();
      const replies = [heldReply(dify), heldReply(dify)];
      const running = await Promise.all([ask(), ask()]);
      const both = await Promise.all(replies);
      for (const { say } of both) await say('Hel');
      for (const turn of running) await seen(turn, 2);
      await turns.drain(20);
      for (const turn of running) {
        const events = await eventsOf(turn);
        expect(events.filter(isTerminal)).toEqual([events.at(-1)]);
        expect(events.at(-1)).toMatchObject({
          event: 'error',
          code: 'server-stopping',
          status: 503,
          outcome: 'interrupted',
        });
        expect(store.turn(turn.turnId)[1]).toMatchObject({
          outcome: 'interrupted',
          errorCode: 'server-stopping',
          answer: 'Hel',
        });
      }
      expect(store.sessions().map(({ liveTurnId }) => liveTurnId)).toEqual([null, null]);
      expect(dify.requests.filter(({ path }) => path.endsWith('/stop'))).toEqual([]);
      for (const { end } of both) await end();
    });

    it('leaves a turn pending if the database stays unavailable', async () => {
      const closing = createGate();
      const { ask, turns, store } = harness({
        settings: { saveRetryMs: 60_000 },
        store: () => ({
          close: () => {
            closing.open();
            return Promise.reject(new Error('away'));
          },
        }),
      });
      const turn = await ask();
      await closing.opened;
      await turns.drain(20);
      expect(store.turn(turn.turnId)[1].outcome).toBe('pending');
      expect(await turn.ended).toMatchObject({ event: 'error', code: 'internal' });
    });

    it('waits only five seconds after the timeout for a database that does not reply', async () => {
      const closing = createGate();
      const { ask, turns, store } = harness({
        store: () => ({
          close: () => {
            closing.open();
            return new Promise(() => undefined);
          },
        }),
      });
      const turn = await ask();
      await closing.opened;
      jest.useFakeTimers();
      try {
        let isOver = false;
        const draining = turns.drain(1000).then(() => (isOver = true));
        await jest.advanceTimersByTimeAsync(5_900);
        expect(isOver).toBe(false);
        await jest.advanceTimersByTimeAsync(200);
        expect(isOver).toBe(true);
        await draining;
      } finally {
        jest.useRealTimers();
      }
      expect(store.turn(turn.turnId)[1].outcome).toBe('pending');
    });

    it('uses the shorter timeout of two calls', async () => {
      const { ask, turns } = harness();
      const reply = heldReply(dify);
      const turn = await ask();
      const { end } = await reply;
      await Promise.all([turns.drain(60_000), turns.drain(20)]);
      expect(await turn.ended).toMatchObject({ code: 'server-stopping' });
      await end();
    });

    it('keeps the outcome stopped of an earlier stop request', async () => {
      const { ask, turns } = harness({ settings: { stopGraceMs: 50 } });
      const reply = heldReply(dify);
      const turn = await ask();
      const { end } = await reply;
      turn.requestEnd('stop');
      await turns.drain(10);
      expect(await turn.ended).toMatchObject({ event: 'message_end', outcome: 'stopped' });
      await end();
    });

    // Such a turn is not in the list of live turns yet. drain() must wait for it, too.
    it('waits for a turn whose question is being saved', async () => {
      const opening = createGate();
      const { ask, turns } = harness({
        store: (memory) => ({ open: (turn) => opening.opened.then(() => memory.open(turn)) }),
      });
      const starting = ask().catch((error: unknown) => error);
      let isDrained = false;
      const draining = turns.drain(60_000).then(() => (isDrained = true));
      await settle();
      const wasDrained = isDrained;
      opening.open();
      await starting;
      await draining;
      await dify.idle();
      expect(wasDrained).toBe(false);
    });

    it('interrupts a turn that is saved only after the timeout', async () => {
      const saving = createGate();
      const opening = createGate();
      const { ask, turns, store } = harness({
        store: (memory) => ({
          open: async (turn) => {
            if (turn.query === 'Late?') {
              saving.open();
              await opening.opened;
            }
            return memory.open(turn);
          },
        }),
      });
      const replies = [heldReply(dify), heldReply(dify)];
      const punctual = await ask();
      const asking = ask({ query: 'Late?' });
      await saving.opened;
      const draining = turns.drain(20);
      // This event comes after the timeout.
      expect(await punctual.ended).toMatchObject({ code: 'server-stopping' });
      opening.open();
      const late = await asking;
      await draining;
      expect(store.turn(late.turnId)[1]).toMatchObject({
        outcome: 'interrupted',
        errorCode: 'server-stopping',
      });
      for (const { end } of await Promise.all(replies)) await end();
    });

    it('waits until the end of a dead process’s turn is saved', async () => {
      const { turns, store, closing } = await rescuing();
      let isDrained = false;
      const draining = turns.drain(60_000).then(() => (isDrained = true));
      await settle();
      expect(isDrained).toBe(false);
      closing.open();
      await draining;
      expect(store.turn('turn-1')[1]).toMatchObject({ outcome: 'interrupted', errorCode: 'process-died' });
    });
  });

  describe('heartbeat', () => {
    it('runs ten times in a short lease, and once a second otherwise', () => {
      expect(harness({ settings: { leaseMs: 1_000 } }).turns.heartbeatMs).toBe(100);
      expect(harness({ settings: { leaseMs: 60_000 } }).turns.heartbeatMs).toBe(1_000);
    });

    it('ends the turns of a dead process, and frees their sessions', async () => {
      const { turns, store, log } = harness({ settings: { leaseMs: -60_000 } });
      const dead = harness({ store: () => store });
      dify.next('stall');
      const turn = await dead.ask();
      await turns.heartbeat();
      await until(() => store.turn(turn.turnId)[1].outcome !== 'pending');
      expect(store.turn(turn.turnId)[1]).toMatchObject({ outcome: 'interrupted', errorCode: 'process-died' });
      expect(onlySession(store, ada).liveTurnId).toBeNull();
      expect(log.lines).toEqual([expect.stringMatching(/^warn Turn .* is now "interrupted"\.$/u)]);
      await dify.close();
      await dead.live.idle();
    });

    it('keeps its own turns alive, and logs nothing', async () => {
      const kept: (readonly string[])[] = [];
      const { ask, turns, store, log } = harness({
        store: () => ({
          keepAlive: async (turnIds, takenIds = []) => {
            kept.push([...turnIds, ...takenIds]);
            return [];
          },
        }),
      });
      await turns.heartbeat();
      const reply = heldReply(dify);
      const turn = await ask();
      await turns.heartbeat();
      expect(kept).toEqual([[turn.turnId]]);
      expect(store.turn(turn.turnId)[1].outcome).toBe('pending');
      expect(log.lines).toEqual([]);
      await (await reply).end();
      await turn.ended;
    });

    it('keeps a claimed turn of a dead process alive until it has ended that turn', async () => {
      const { turns, store, closing, kept } = await rescuing();
      await turns.heartbeat();
      expect(kept).toEqual([['turn-1']]);
      closing.open();
      await until(() => store.turn('turn-1')[1].outcome !== 'pending');
      await settle();
      await turns.heartbeat();
      expect(kept).toHaveLength(1);
    });

    it('keeps its turns alive during the drain, and claims no others', async () => {
      const kept: (readonly string[])[] = [];
      let claims = 0;
      const { ask, turns } = harness({
        store: () => ({
          keepAlive: async (turnIds, takenIds = []) => {
            kept.push([...turnIds, ...takenIds]);
            return [];
          },
          claimAbandoned: async () => {
            claims += 1;
            return [];
          },
        }),
      });
      const reply = heldReply(dify);
      const turn = await ask();
      const draining = turns.drain(60_000);
      await turns.heartbeat();
      expect([kept, claims]).toEqual([[[turn.turnId]], 0]);
      await (await reply).end();
      await draining;
    });

    it('claims no silent turns right after a database outage, in which no process could keep turns alive', async () => {
      let isAway = true;
      const leases: (number | null)[] = [];
      const { turns } = harness({
        settings: { leaseMs: 100 },
        store: () => ({
          claimAbandoned: async ({ leaseMs }) => {
            if (isAway) throw new ChatError('database-unavailable');
            leases.push(leaseMs);
            return [];
          },
        }),
      });
      await turns.heartbeat();
      const failedAt = performance.now();
      isAway = false;
      while (leases.at(-1) !== 100) {
        await settle();
        await turns.heartbeat();
      }
      expect(performance.now() - failedAt).toBeGreaterThanOrEqual(45);
      expect(leases[0]).toBeNull();
    });

    it('logs once that it fails, however often it tries', async () => {
      let isAway = true;
      const { turns, log } = harness({
        store: () => ({
          claimAbandoned: async () => {
            if (isAway) throw new ChatError('database-unavailable');
            return [];
          },
        }),
      });
      for (let beats = 0; beats < 3; beats += 1) await turns.heartbeat();
      expect(log.lines).toHaveLength(1);
      isAway = false;
      await turns.heartbeat();
      isAway = true;
      await turns.heartbeat();
      expect(log.lines).toHaveLength(2);
    });

    it('keeps a turn alive with the next heartbeat after a failure', async () => {
      let isAway = true;
      const kept: (readonly string[])[] = [];
      const { ask, turns } = harness({
        store: () => ({
          keepAlive: async (turnIds) => {
            if (isAway) throw new ChatError('database-unavailable');
            kept.push(turnIds);
            return [];
          },
        }),
      });
      const reply = heldReply(dify);
      const turn = await ask();
      await turns.heartbeat();
      isAway = false;
      await turns.heartbeat();
      await turns.heartbeat();
      expect(kept).toEqual([[turn.turnId]]);
      await (await reply).end();
      await turn.ended;
    });

    it('only logs an error', async () => {
      const { turns, log } = harness({
        store: () => ({ claimAbandoned: () => Promise.reject(new ChatError('internal')) }),
      });
      await turns.heartbeat();
      expect(log.lines).toEqual([expect.stringMatching(/^error .*internal/u)]);
    });
  });
});

/** Creates turns that have claimed a turn of a dead process. Saving its end waits until `closing` opens. */
async function rescuing() {
  const saving = createGate();
  const closing = createGate();
  const kept: (readonly string[])[] = [];
  let isClaimed = false;
  const { turns, store } = harness({
    store: (memory) => ({
      keepAlive: async (turnIds, takenIds = []) => {
        kept.push([...turnIds, ...takenIds]);
        return [];
      },
      claimAbandoned: async () => {
        if (isClaimed) return [];
        isClaimed = true;
        return memory.claimAbandoned({ leaseMs: -60_000, isStart: false });
      },
      close: async (...args) => {
        saving.open();
        await closing.opened;
        return memory.close(...args);
      },
    }),
  });
  await store.open(newTurn());
  await turns.heartbeat();
  await saving.opened;
  return { turns, store, closing, kept };
}

interface FaultOutcome {
  readonly fault: Fault;
  readonly difySettings?: Partial<DifySettings>;
  readonly settings?: Partial<TurnSettings>;
  readonly outcome: 'completed' | 'interrupted' | 'failed';
  readonly code: ChatErrorCode | null;
  readonly text: string;
}

function faultCases(): readonly (FaultOutcome & { readonly name: string })[] {
  return Object.entries(faultOutcomes()).map(([name, outcome]) => ({ name, ...outcome }));
}

/** Maps every fault to the outcome of a turn with it. The code compiles only if it contains every fault. */
function faultOutcomes(): Readonly<Record<FaultName, FaultOutcome>> {
  const completed = (fault: Fault, text = wholeText): FaultOutcome => ({
    fault,
    outcome: 'completed',
    code: null,
    text,
  });
  const failed = (fault: Fault, code: ChatErrorCode, text = ''): FaultOutcome => ({
    fault,
    outcome: 'failed',
    code,
    text,
  });
  const interrupted = (fault: Fault, text = '', difySettings: Partial<DifySettings> = {}): FaultOutcome => ({
    fault,
    outcome: 'interrupted',
    code: 'upstream-interrupted',
    text,
    difySettings,
  });
  const seaStory = 'The sea is wide and the night is long. '.repeat(600).slice(0, 20_000);
  return {
    'split-every-byte': completed('split-every-byte'),
    'split-characters': completed('split-characters'),
    'several-frames': completed('several-frames'),
    crlf: completed('crlf'),
    'field-noise': completed('field-noise'),
    'header-noise': completed('header-noise'),
    'malformed-json': completed('malformed-json'),
    'huge-frame': failed('huge-frame', 'upstream-malformed'),
    'huge-answer': completed({ name: 'huge-answer', chars: 20_000 }, seaStory),
    'success-status': completed('success-status'),
    'no-content-type': completed('no-content-type'),
    'huge-unused': completed('huge-unused'),
    'huge-end': completed('huge-end'),
    'many-unused': completed('many-unused'),
    'workflow-end': { ...completed('workflow-end'), difySettings: { endTimeoutMs: 30 } },
    'late-outputs': completed('late-outputs'),
    'late-outputs-missing': {
      ...completed('late-outputs-missing'),
      settings: { recoveryMs: 2_000 },
      difySettings: { endTimeoutMs: 30 },
    },
    'huge-outputs': { ...completed('huge-outputs'), settings: { recoveryMs: 2_000 } },
    'late-thought': completed('late-thought'),
    'pause-then-pings': interrupted('pause-then-pings', first(3), { endTimeoutMs: 30 }),
    'end-then-pings': { ...completed('end-then-pings'), difySettings: { endTimeoutMs: 30 } },
    'end-without-blank-line': completed('end-without-blank-line'),
    'slow-deltas': completed({ name: 'slow-deltas', ms: 2 }),
    'unknown-event': completed('unknown-event'),
    'agent-log': completed('agent-log'),
    'text-as-message-file': completed('text-as-message-file'),
    'message-replace': completed({ name: 'message-replace', text: 'Something else.' }, 'Something else.'),
    'closing-copy': completed('closing-copy'),
    'tts-after-end': completed('tts-after-end'),
    'duplicated-end': completed('duplicated-end'),
    'missing-ids': completed('missing-ids'),
    'null-answer': completed('null-answer'),
    'missing-metadata': completed('missing-metadata'),
    reasoning: completed(
      'reasoning',
      `<think>\nA person asks. I had better answer.\n</think>\n\n${wholeText}`,
    ),
    'empty-answer': completed('empty-answer', ''),
    'json-instead-of-stream': failed('json-instead-of-stream', 'upstream-malformed'),
    'thoughts-only': interrupted('thoughts-only'),
    'error-first': failed('error-first', 'upstream-failed'),
    'error-after-deltas': failed('error-after-deltas', 'upstream-failed', first(3)),
    'workflow-failed': failed('workflow-failed', 'upstream-failed', first(3)),
    'workflow-paused': interrupted('workflow-paused', first(3)),
    'eof-at-once': interrupted('eof-at-once'),
    'eof-after-deltas': interrupted('eof-after-deltas', first(3)),
    'eof-but-saved': interrupted({ name: 'eof-but-saved', ms: 1 }, first(3)),
    'pings-then-eof': interrupted('pings-then-eof'),
    'cut-mid-frame': interrupted('cut-mid-frame', first(3)),
    'reset-mid-frame': interrupted('reset-mid-frame', first(3)),
    'slow-first-byte': {
      ...failed('slow-first-byte', 'upstream-timeout'),
      difySettings: { firstByteTimeoutMs: 30 },
    },
    'slow-first-event': {
      ...failed('slow-first-event', 'upstream-timeout'),
      difySettings: { firstByteTimeoutMs: 30 },
    },
    stall: interrupted({ name: 'stall', after: 1 }, first(1), { idleTimeoutMs: 50 }),
    'stall-with-pings': interrupted('stall-with-pings', first(3), { totalTimeoutMs: 250 }),
    'open-after-end': { ...completed('open-after-end'), difySettings: { endTimeoutMs: 30 } },
    'stop-ignored': completed('stop-ignored'),
    refuse: failed('refuse', 'upstream-quota-exceeded'),
    'too-many-requests': failed('too-many-requests', 'upstream-busy'),
    'rate-limited': failed('rate-limited', 'upstream-quota-exceeded'),
    'conversation-gone': failed('conversation-gone', 'upstream-conversation-gone'),
    'gateway-html': failed('gateway-html', 'upstream-failed'),
    'html-page': failed('html-page', 'upstream-malformed'),
    'plain-500': failed('plain-500', 'upstream-failed'),
    'json-500': failed('json-500', 'upstream-failed'),
    'no-content': failed('no-content', 'upstream-malformed'),
    redirect: failed('redirect', 'upstream-malformed'),
    'no-answer': failed('no-answer', 'upstream-unreachable'),
  };
}

/** Expects that the log does not quote the question, the answer or the prompt. */
function expectQuietLog(lines: readonly string[], [question, answer]: SavedTurn): void {
  const text = lines.join('\n');
  expect(text).not.toContain(question.query);
  expect(text).not.toContain(keeper.prompt);
  if (answer.answer) expect(text).not.toContain(answer.answer.slice(0, 20));
}

function sentConversations(): readonly unknown[] {
  return dify.requests.map(({ body }) => (body as { conversation_id: unknown }).conversation_id);
}

/** Settles when a follower has received this number of events. */
async function seen(turn: LiveTurn, count: number): Promise<void> {
  let told = 0;
  for await (const batch of turn.follow(0, new AbortController().signal)) {
    told += batch.length;
    if (told >= count) return;
  }
}

async function leave(batches: AsyncIterable<unknown>): Promise<void> {
  for await (const batch of batches) if (batch === undefined) return;
}

async function watch(
  batches: AsyncIterable<readonly { readonly data: string }[]>,
  seen: WireEvent[],
): Promise<void> {
  for await (const batch of batches) seen.push(...batch.map(({ data }) => JSON.parse(data) as WireEvent));
}
