import { getEventListeners } from 'node:events';

import { chatErrors, type ChatErrorCode } from '../../../src/chat/errors';
import type { Message } from '../../../src/chat/model/message';
import {
  endOfSaved,
  followSaved,
  toTerminalEvent,
  type SavedTurnOptions,
} from '../../../src/chat/stream/saved-turn';
import type { Frame } from '../../../src/chat/stream/sse';
import type { SavedTurn } from '../../../src/chat/model/turn';
import { isTerminal, type StreamFormat, type WireEvent } from '../../../src/chat/contract/stream-event';
import { createWireFormat } from '../../../src/chat/stream/formatter';
import { collect, settle } from '../support/collect';
import { ada, keeper, links, message } from '../support/fixtures';
import { shownText } from '../support/harness';

function savedTurn(changes: Partial<Message> = {}): SavedTurn {
  const question = message({ id: 1, messageId: 'msg-question', role: 'user', outcome: null });
  return [question, message({ id: 2, messageId: 'dify-message', lastEventId: 9, ...changes })];
}

/** A running turn whose text so far ends with the event `lastEventId`. */
const pending = (
  answer: string | null,
  lastEventId: number | null = (answer ?? '').length + 1,
  changes: Partial<Message> = {},
) => savedTurn({ answer, lastEventId, outcome: 'pending', ...changes });

const never = new AbortController().signal;

interface Following {
  readonly cursor?: number;
  readonly signal?: AbortSignal;
  readonly reload?: SavedTurnOptions['reload'];
  readonly pollEveryMs?: number;
  readonly format?: StreamFormat;
}

/** Creates options whose reloads return these turns one after the other. A further reload throws. */
function reloading(turns: readonly (SavedTurn | null)[], { reload, pollEveryMs = 1 }: Following = {}) {
  const [saved, ...later] = turns;
  if (saved === undefined || saved === null) throw new Error('The first turn must exist.');
  let reloads = 0;
  const options: SavedTurnOptions = {
    saved,
    wire: createWireFormat({
      ids: {
        turnId: 'turn-1',
        sessionId: 'session-1',
        conversationId: null,
        questionMessageId: 'msg-question',
        answerMessageId: 'msg-answer',
        createdAt: saved[1].createdAt,
        upstreamId: 'dify',
      },
      owner: ada,
      character: keeper,
      exposePrompt: true,
      links,
    }),
    reload:
      reload ??
      (async () => {
        const next = later[reloads];
        reloads += 1;
        if (next === undefined) throw new Error('Unexpected poll.');
        return next;
      }),
    pollEveryMs,
  };
  return { options, reloads: () => reloads };
}

function follow(turns: readonly (SavedTurn | null)[], following: Following = {}) {
  const { options, reloads } = reloading(turns, following);
  const { cursor = 0, signal = never, format } = following;
  const batches = followSaved(options, cursor, signal, format);
  return { batches, reloads };
}

async function told(batches: AsyncIterable<readonly Frame[]>) {
  const frames = (await collect(batches)).flat();
  const events = frames.map(({ data }) => JSON.parse(data) as WireEvent);
  return {
    ids: frames.map(({ id }) => id),
    names: events.map(({ event }) => event),
    texts: events.flatMap((event) => ('answer' in event ? [event.answer] : [])),
    events,
  };
}

describe('toTerminalEvent', () => {
  it.each(['completed', 'stopped'] as const)(
    'returns the end of a %s turn with its saved messages',
    (outcome) => {
      const saved = savedTurn({ outcome });
      expect(toTerminalEvent(saved)).toEqual({ type: 'ended', outcome, saved });
    },
  );

  it.each(Object.keys(chatErrors) as ChatErrorCode[])(
    'returns %s for a turn that was interrupted or failed',
    (code) => {
      for (const outcome of ['interrupted', 'failed'] as const) {
        expect(toTerminalEvent(savedTurn({ outcome, errorCode: code }))).toEqual({
          type: 'failed',
          outcome,
          code,
        });
      }
    },
  );

  it.each([null, '', 'of another version', 'constructor'])(
    'replaces the code %j with "internal"',
    (errorCode) => {
      const saved = savedTurn({ outcome: 'failed', errorCode });
      expect(toTerminalEvent(saved)).toEqual({ type: 'failed', outcome: 'failed', code: 'internal' });
    },
  );

  it.each(['pending', null] as const)('returns null while the outcome is %s', (outcome) => {
    expect(toTerminalEvent(savedTurn({ outcome }))).toBeNull();
  });

  it('uses the outcome of the answer, not of the question', () => {
    const [question, answer] = savedTurn({ outcome: 'pending' });
    expect(toTerminalEvent([{ ...question, outcome: 'completed' }, answer])).toBeNull();
  });
});

describe('followSaved', () => {
  describe('in the compact format', () => {
    const named = { message_id: 'dify-message', conversation_id: expect.any(String) };

    it('sends the ids where they change, and at the end', async () => {
      const turns = [pending('Calm'), pending('Calm.'), savedTurn()];
      const { events } = await told(follow(turns, { format: 'compact' }).batches);
      expect(events.slice(1, -1)).toEqual([
        { event: 'message', ...named, answer: 'Calm' },
        { event: 'message', answer: '.' },
      ]);
      expect(events.at(-1)).toEqual({
        event: 'message_end',
        ...named,
        outcome: 'completed',
        metadata: { usage: expect.any(Object) },
      });
    });

    it('sends the ids with a text that replaces missed events', async () => {
      const { events } = await told(follow([savedTurn()], { format: 'compact', cursor: 3 }).batches);
      expect(events[0]).toEqual({ event: 'message_replace', ...named, answer: 'Calm.' });
    });
  });

  describe('for a turn that has ended', () => {
    it('sends the whole text as one event, with the ids of the process that answered', async () => {
      const { batches, reloads } = follow([savedTurn()]);
      const { ids, names, texts, events } = await told(batches);
      expect(names).toEqual(['turn_started', 'message', 'message_end']);
      expect(ids).toEqual([1, 8, 9]);
      expect(texts).toEqual(['Calm.']);
      expect(events[0]).toMatchObject({ turn_id: 'turn-1', question_message_id: 'msg-question' });
      expect(events.at(-1)).toMatchObject({
        outcome: 'completed',
        metadata: { usage: { total_tokens: 50 } },
        data: [{ id: 1 }, { id: 2 }],
      });
      expect(reloads()).toBe(0);
    });

    it.each([1, 3, 7])('replaces the text of a client that has %d of 9 events', async (cursor) => {
      const { ids, names, texts } = await told(follow([savedTurn()], { cursor }).batches);
      expect(names).toEqual(['message_replace', 'message_end']);
      expect(ids).toEqual([8, 9]);
      expect(texts).toEqual(['Calm.']);
    });

    it('sends only the end to a client that has the whole text', async () => {
      const { ids, names } = await told(follow([savedTurn()], { cursor: 8 }).batches);
      expect([names, ids]).toEqual([['message_end'], [9]]);
    });

    it.each([9, 10])('sends nothing after event %d', async (cursor) => {
      expect((await told(follow([savedTurn()], { cursor }).batches)).names).toEqual([]);
    });

    it('uses the largest ids if nobody knows how many events the client has', async () => {
      const unknown = savedTurn({ lastEventId: null });
      expect((await told(follow([unknown]).batches)).ids).toEqual([1, 999_999_998, 999_999_999]);
      const { ids, names } = await told(follow([unknown], { cursor: 250 }).batches);
      expect([names, ids]).toEqual([
        ['message_replace', 'message_end'],
        [999_999_998, 999_999_999],
      ]);
    });

    it('treats a negative cursor as no cursor', async () => {
      const { ids, names } = await told(follow([savedTurn()], { cursor: -5 }).batches);
      expect([names[0], ids[0]]).toEqual(['turn_started', 1]);
    });

    it.each([null, ''])('sends no text for the answer %j', async (answer) => {
      const empty = savedTurn({ answer, lastEventId: 2 });
      const { names, ids } = await told(follow([empty]).batches);
      expect([names, ids]).toEqual([
        ['turn_started', 'message_end'],
        [1, 2],
      ]);
    });

    it('clears a text that has become empty', async () => {
      const { names, texts } = await told(follow([savedTurn({ answer: '' })], { cursor: 4 }).batches);
      expect(names).toEqual(['message_replace', 'message_end']);
      expect(texts).toEqual(['']);
    });

    describe('with files', () => {
      const answerFiles = ['one', 'two'].map((id) => ({ id, type: 'image', url: `http://dify/${id}` }));
      const withFiles = (changes: Partial<Message> = {}) => savedTurn({ answerFiles, ...changes });

      it('sends them as a running turn does, before the end', async () => {
        const { ids, names, events } = await told(follow([withFiles()]).batches);
        expect(names).toEqual(['turn_started', 'message_file', 'message_file', 'message', 'message_end']);
        expect(ids).toEqual([1, 1, 1, 8, 9]);
        expect(events.slice(1, 3)).toMatchObject(
          ['one', 'two'].map((id) => ({
            id,
            type: 'image',
            belongs_to: 'assistant',
            url: `/link/dify-message/${id}`,
          })),
        );
      });

      it('sends them to a client that may lack them, and not to one that has all events before the end', async () => {
        expect((await told(follow([withFiles()], { cursor: 7 }).batches)).ids).toEqual([7, 7, 8, 9]);
        expect((await told(follow([withFiles()], { cursor: 8 }).batches)).names).toEqual(['message_end']);
      });

      it('sends them after the text of another process, and before an error', async () => {
        const broken = withFiles({ outcome: 'interrupted', errorCode: 'process-died', lastEventId: 7 });
        const { names, ids } = await told(follow([pending('Calm.', 6), broken]).batches);
        expect(names).toEqual(['turn_started', 'message', 'message_file', 'message_file', 'error']);
        expect(ids).toEqual([1, 6, 6, 6, 7]);
      });
    });

    it('sends the text so far of an interrupted turn, then the error', async () => {
      const broken = savedTurn({ answer: 'Ca', outcome: 'interrupted', errorCode: 'process-died' });
      const { names, texts, events } = await told(follow([broken]).batches);
      expect(names).toEqual(['turn_started', 'message', 'error']);
      expect(texts).toEqual(['Ca']);
      expect(events.at(-1)).toMatchObject({ code: 'process-died', outcome: 'interrupted', status: 500 });
    });

    it('uses the ids of Dify from the first text on, and its own ids before', async () => {
      const { events } = await told(follow([savedTurn()]).batches);
      expect(events.map(({ message_id, conversation_id }) => [message_id, conversation_id])).toEqual([
        ['msg-answer', null],
        ['dify-message', 'dify-conversation'],
        ['dify-message', 'dify-conversation'],
      ]);
    });
  });

  describe('for a turn that another process answers', () => {
    it('sends the new text after each poll, and the end together with the last text', async () => {
      const { batches, reloads } = follow([
        pending('', null),
        pending('Hel', 3),
        pending('Hel', 3),
        pending('Hello', 5),
        savedTurn({ answer: 'Hello!', lastEventId: 7 }),
      ]);
      const { ids, names, texts } = await told(batches);
      expect(names).toEqual(['turn_started', 'message', 'message', 'message', 'message_end']);
      expect(texts).toEqual(['Hel', 'lo', '!']);
      expect(ids).toEqual([1, 3, 5, 6, 7]);
      expect(reloads()).toBe(4);
    });

    it('replaces the text of a client that has fewer events than the rows', async () => {
      const { ids, names, texts } = await told(
        follow([pending('Hel', 4), savedTurn({ answer: 'Hello', lastEventId: 7 })], { cursor: 2 }).batches,
      );
      expect(names).toEqual(['message_replace', 'message', 'message_end']);
      expect(texts).toEqual(['Hel', 'lo']);
      expect(ids).toEqual([4, 6, 7]);
    });

    it('sends only what is new to a client that has the events of the rows', async () => {
      const { ids, names, texts } = await told(
        follow([pending('Hel', 4), savedTurn({ answer: 'Hello', lastEventId: 7 })], { cursor: 4 }).batches,
      );
      expect([names, texts, ids]).toEqual([['message', 'message_end'], ['lo'], [6, 7]]);
    });

    it('waits until the rows have more events than the client', async () => {
      const { ids, names, texts } = await told(
        follow(
          [pending('Hel', 4), pending('Hello', 6), pending('Hello!', 8), savedTurn({ answer: 'Hello!' })],
          {
            cursor: 7,
          },
        ).batches,
      );
      expect([names, texts, ids]).toEqual([['message_replace', 'message_end'], ['Hello!'], [8, 9]]);
    });

    it('replaces text that has changed', async () => {
      const { names, texts, events } = await told(
        follow([pending('Hello', 2), pending('Let us', 3), pending('', 4), savedTurn({ answer: 'Hi' })])
          .batches,
      );
      expect(names).toEqual([
        'turn_started',
        'message',
        'message_replace',
        'message_replace',
        'message',
        'message_end',
      ]);
      expect(texts).toEqual(['Hello', 'Let us', '', 'Hi']);
      expect(shownText(events)).toBe('Hi');
    });

    it('replaces text that has become shorter', async () => {
      const { texts, events } = await told(follow([pending('Hello'), savedTurn({ answer: 'Hell' })]).batches);
      expect(texts).toEqual(['Hello', 'Hell']);
      expect(shownText(events)).toBe('Hell');
    });

    it('uses the ids of Dify once they are saved', async () => {
      const unknown = { messageId: 'msg-answer', conversationId: null };
      const { events } = await told(
        follow([pending('Hel', 4, unknown), savedTurn({ answer: 'Hello' })]).batches,
      );
      expect(events.map(({ message_id, conversation_id }) => [message_id, conversation_id])).toEqual([
        ['msg-answer', null],
        ['msg-answer', null],
        ['dify-message', 'dify-conversation'],
        ['dify-message', 'dify-conversation'],
      ]);
    });

    it('ends without a terminal event if the turn no longer exists', async () => {
      const { batches, reloads } = follow([pending('Hel'), null]);
      const { names, events } = await told(batches);
      expect(names).toEqual(['turn_started', 'message']);
      expect(events.filter(isTerminal)).toEqual([]);
      expect(reloads()).toBe(1);
    });

    it('retries a failed reload, and does not throw while a client reads', async () => {
      let isAway = true;
      const { batches } = follow([pending('Hel')], {
        reload: async () => {
          if (!isAway) return savedTurn({ answer: 'Hello' });
          isAway = false;
          throw new Error('database away');
        },
      });
      const events = (await collect(batches)).flat();
      expect(events.map(({ data }) => (JSON.parse(data) as { event: string }).event)).toEqual([
        'turn_started',
        'message',
        'message',
        'message_end',
      ]);
    });

    it('sends each text before it waits for the next', async () => {
      const { batches, reloads } = follow([pending('Hel')], { pollEveryMs: 60_000 });
      await batches.next();
      const { value } = await batches.next();
      expect(value?.map(({ id }) => id)).toEqual([4]);
      expect(reloads()).toBe(0);
      await batches.return();
    });
  });

  describe('when its signal fires', () => {
    const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;

    it('while it waits, ends and leaves no timer', async () => {
      const leaving = new AbortController();
      const turns = [pending('Hel'), pending('Hello')];
      const { batches } = follow(turns, { signal: leaving.signal, pollEveryMs: 60_000 });
      const before = timers();
      await batches.next();
      await batches.next();
      const last = batches.next();
      await settle();
      expect(timers()).toBe(before + 1);
      leaving.abort();
      expect(await last).toEqual({ done: true, value: undefined });
      expect(timers()).toBe(before);
    });

    it('had at most one listener on it, however often it polled', async () => {
      const leaving = new AbortController();
      const { batches, reloads } = follow(
        Array.from({ length: 20 }, () => pending('')),
        { signal: leaving.signal },
      );
      await batches.next();
      const last = batches.next();
      while (reloads() < 3) {
        await settle();
        expect(getEventListeners(leaving.signal, 'abort').length).toBeLessThanOrEqual(1);
      }
      leaving.abort();
      await last;
      expect(getEventListeners(leaving.signal, 'abort')).toEqual([]);
    });

    it('waited before for the poll interval of the settings', async () => {
      const leaving = new AbortController();
      const times: number[] = [performance.now()];
      const reload = async () => {
        if (times.push(performance.now()) === 4) leaving.abort();
        return pending('');
      };
      const options = { signal: leaving.signal, pollEveryMs: 50, reload };
      await collect(follow([pending('')], options).batches);
      const pauses = times.slice(1).map((time, index) => time - (times[index] as number));
      expect(pauses).toHaveLength(3);
      // Timers have a resolution of one millisecond.
      for (const ms of pauses) expect(ms).toBeGreaterThanOrEqual(49);
    });

    it('between two batches, ends immediately', async () => {
      const leaving = new AbortController();
      const turns = [pending('Hel'), pending('Hello')];
      const { batches, reloads } = follow(turns, { signal: leaving.signal, pollEveryMs: 60_000 });
      await batches.next();
      await batches.next();
      leaving.abort();
      expect((await batches.next()).done).toBe(true);
      expect(reloads()).toBe(0);
    });

    it('while it waits, does not reload again', async () => {
      const leaving = new AbortController();
      const { batches, reloads } = follow([pending('Hel'), pending('Hello')], { signal: leaving.signal });
      await batches.next();
      await batches.next();
      const last = batches.next();
      await settle();
      leaving.abort();
      await last;
      expect(reloads()).toBe(0);
    });
  });
});

describe('endOfSaved', () => {
  it('waits for the end, and returns the terminal event that followers receive', async () => {
    const end = savedTurn({ answer: 'Calm.' });
    const turns = [pending(null), pending('Ca'), end];
    const { options, reloads } = reloading(turns);
    const event = await endOfSaved(options, never);
    const { events } = await told(follow(turns).batches);
    expect(event).toEqual(events.at(-1));
    expect(event).toMatchObject({ event: 'message_end', outcome: 'completed' });
    expect(reloads()).toBe(2);
  });

  it('returns null if its signal fires or the turn no longer exists', async () => {
    const waiting = new AbortController();
    const end = endOfSaved(reloading([pending('Ca')], { pollEveryMs: 60_000 }).options, waiting.signal);
    waiting.abort();
    expect(await end).toBeNull();
    expect(await endOfSaved(reloading([pending('Ca'), null]).options, never)).toBeNull();
  });
});
