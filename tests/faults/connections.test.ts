import type { Reply } from '../dify-emulator';
import { dataFrame, pingFrame, type EventFields } from '../dify-emulator/frames';
import { startApp, type App } from '../support/app';
import type { Client } from '../support/client';
import { createGate } from '../support/gate';
import { asking, following, toTelling } from './support/asking';
import { withoutLimits } from './support/env';
import { createLedger, type Ledger } from './support/ledger';
import { randomFor } from './support/random';
import { openRaw, type RawConnection } from './support/raw-client';
import { classTimeoutMs, isFull, report, scale } from './support/scale';
import { holdsWithin } from '../support/until';
import { sideBySide } from './support/side-by-side';
import { heldSockets } from './support/sockets';
import { createUpstream, piecesOf, telling, type Upstream } from './support/upstream';

let app: App;
let users: Client[];
let characterId: string;
let upstream: Upstream;
let ledger: Ledger;

beforeAll(async () => {
  // The server gives up recovery early, so a broken answer stays broken.
  app = await startApp({ env: { ...withoutLimits, CHAT_RECOVERY_SECONDS: '0.1' } });
  users = await Promise.all(Array.from({ length: 5 }, () => app.createUser()));
  characterId = (await app.admin.createCharacter()).documentId;
  upstream = createUpstream(app.dify);
  ledger = createLedger();
});
afterAll(() => app.stop());

const userOf = (index: number): Client => users[index % users.length] ?? app.anonymous;
const pendingRows = async () =>
  Number(
    (await app.db('chat_conversations').where({ outcome: 'pending' }).count({ count: '*' }))[0]?.['count'],
  );

/** Returns the saved answer to each question. */
async function savedAnswers(): Promise<ReadonlyMap<string, { answer: string; outcome: string }>> {
  const rows = await app
    .db('chat_conversations')
    .where({ role: 'assistant' })
    .select('query', 'answer', 'outcome');
  return new Map(rows.map(({ query, answer, outcome }) => [query, { answer, outcome }]));
}

describe('clients that disconnect early', () => {
  const count = scale({ full: 1_000, smoke: 60 });

  it(
    'get complete saved answers, and leave no open socket',
    async () => {
      const pieces = 40;
      const clientPorts = new Set<number>();
      let beforeFirstByte = 0;

      /** @returns the connection after it is closed and Dify has finished its answer. */
      const ask = async (query: string, index: number, cutAfterBytes: number | null) => {
        const { opened: answered, open: isAnswered } = createGate();
        const pauses = randomFor('pauses', index);
        const play = telling(piecesOf(query, pieces), () => pauses.between(0, 4));
        upstream.on(query, async (reply) => {
          await play(reply);
          isAnswered();
        });
        ledger.asks(query, userOf(index));
        const request = asking(userOf(index), { character_id: characterId, query });
        const connection = await openRaw(app.url, { ...request, cutAfterBytes: cutAfterBytes ?? Infinity });
        clientPorts.add(connection.localPort());
        if (cutAfterBytes === 0) connection.destroy();
        await connection.over;
        ledger.told(query, connection);
        await answered;
        return connection;
      };
      const { length: wholeBytes } = (await ask('Who stays?', 0, null)).body();

      await sideBySide({ count, width: 50 }, async (index) => {
        const random = randomFor('leave', index);
        const cutAfterBytes = random.chance(0.1) ? 0 : random.between(1, wholeBytes - 1_000);
        const connection = await ask(`Who leaves ${index}?`, index, cutAfterBytes);
        if (connection.status() === null) beforeFirstByte += 1;
      });
      await app.dify.idle();
      const port = Number(new URL(app.url).port);
      const areSocketsGone = await holdsWithin(
        1_000,
        async () => app.dify.connections === 0 && (await heldSockets(port, clientPorts)) === 0,
      );
      const upstreamSockets = app.dify.connections;
      const clientSockets = await heldSockets(port, clientPorts);
      await holdsWithin(2_000, async () => (await pendingRows()) === 0);
      const pending = await pendingRows();

      const saved = await savedAnswers();
      const complete = Array.from({ length: count }, (_, index) => `Who leaves ${index}?`).filter((query) => {
        const { outcome, answer } = saved.get(query) ?? {};
        return outcome === 'completed' && answer === piecesOf(query, pieces).join('');
      }).length;
      report('clients that leave', {
        disconnects: count,
        'before the first byte': beforeFirstByte,
        'complete answers saved': complete,
        'upstream sockets left': upstreamSockets,
        'client sockets left': clientSockets,
        'rows pending': pending,
      });
      expect({ complete, areSocketsGone, upstreamSockets, clientSockets, pending }).toEqual({
        complete: count,
        areSocketsGone: true,
        upstreamSockets: 0,
        clientSockets: 0,
        pending: 0,
      });
    },
    classTimeoutMs,
  );
});

describe('clients that are disconnected and resume', () => {
  const count = scale({ full: 1_000, smoke: 40 });

  it(
    'receive the same bytes as an uninterrupted client',
    async () => {
      let cuts = 0;
      let different = 0;
      let lateDifferent = 0;
      await sideBySide({ count, width: 20 }, async (index) => {
        const one = await cutAndResume(index);
        cuts += one.cuts;
        if (one.isDifferent) different += 1;
        if (one.isLateDifferent) lateDifferent += 1;
      });
      report('cut and resumed', {
        runs: count,
        cuts,
        'streams different while live': different,
        'texts different after the end': lateDifferent,
      });
      expect({ different, lateDifferent }).toEqual({ different: 0, lateDifferent: 0 });
    },
    classTimeoutMs,
  );

  /** Runs one turn with an uninterrupted follower and one that is disconnected and resumes. */
  async function cutAndResume(index: number) {
    const choices = randomFor('resume', index);
    const user = userOf(index);
    const query = `Who comes back ${index}?`;
    const pieces = piecesOf(query, 30);
    const { opened: allCutsDone, open: finish } = createGate();
    upstream.on(query, async (reply) => {
      for (const [at, piece] of pieces.entries()) {
        // The last pieces wait for the last connection, so that the turn is alive until then.
        if (at === 25) await allCutsDone;
        await reply.say(piece);
        await reply.pause(choices.between(0, 2));
      }
      await reply.end();
    });
    ledger.asks(query, user);

    const cutsToCome = choices.between(1, 5);
    const { opened: started, open: isStarted } = createGate();
    const uncut = openRaw(app.url, {
      ...asking(user, { character_id: characterId, query }),
      onFrame: () => isStarted(),
    });
    await started;
    const turnId = String((await uncut).frames()[0]?.data.turn_id);
    const seen: string[] = [];
    let lastEventId = 0;
    for (let cut = 0; cut < cutsToCome; cut += 1) {
      const part = await openRaw(app.url, {
        ...following(user, turnId, lastEventId),
        cutAfterBytes: choices.between(1, 6_000),
        // Dify sends no further piece until this client is closed.
        onFrame: ({ id }, connection) => id === 26 && connection.destroy(),
      });
      if (lastEventId === 26) await part.head.then(() => part.destroy());
      await part.over;
      seen.push(...part.frames().map(({ text }) => text));
      lastEventId = part.frames().at(-1)?.id ?? lastEventId;
    }
    const last = await openRaw(app.url, following(user, turnId, lastEventId));
    await last.head;
    finish();
    const whole = await uncut;
    await Promise.all([last.over, whole.over]);
    ledger.told(query, whole);
    seen.push(...last.frames().map(({ text }) => text));

    const lateFrom = choices.between(0, 33);
    const late = await openRaw(app.url, following(user, turnId, lateFrom));
    await late.over;
    // A client that has all pieces gets no text.
    const lateText = lateFrom > pieces.length ? '' : pieces.join('');
    const isDifferent = seen.join('') !== textOf(whole) || !whole.isWhole() || !last.isWhole();
    return { cuts: cutsToCome, isDifferent, isLateDifferent: toTelling(late).text !== lateText };
  }

  const textOf = (connection: RawConnection) =>
    connection
      .frames()
      .map(({ text }) => text)
      .join('');
});

describe('Dify connection that breaks in the middle of an answer', () => {
  /** Returns the frames of a complete Dify answer, about 10 kB. Their length is the same for every question. */
  function transcript({ turn }: Reply): readonly { readonly bytes: Buffer; readonly text: string }[] {
    const envelope = {
      conversation_id: turn.conversation.id,
      message_id: turn.message.id,
      created_at: 1_700_000_000,
    };
    const frame = (fields: EventFields, text = '') => ({
      bytes: dataFrame({ ...envelope, task_id: turn.taskId, ...fields }, '1.x'),
      text,
    });
    const ping = { bytes: pingFrame, text: '' };
    const deltas = Array.from({ length: 34 }, (_, index) => {
      const text = `${String(index).padStart(2, '0')} 灯塔 and the 🌊, `;
      return frame({ event: 'message', id: turn.message.id, answer: text }, text);
    });
    const end = frame({
      event: 'message_end',
      id: turn.message.id,
      metadata: { usage: { total_tokens: 7 } },
    });
    return [ping, ...deltas.slice(0, 20), ping, ...deltas.slice(20), end];
  }

  /** Saves the whole answer, as Dify does right before the final event. */
  function saveWhole(reply: Reply, frames: ReturnType<typeof transcript>): void {
    reply.save();
    reply.turn.message.answer = frames.map(({ text }) => text).join('');
  }

  /** Returns the expected answer and outcome after this number of bytes. */
  function expected(frames: ReturnType<typeof transcript>, bytes: number) {
    let end = 0;
    const whole = frames.filter((frame) => (end += frame.bytes.length) <= bytes);
    return {
      answer: whole.map(({ text }) => text).join(''),
      outcome: whole.length === frames.length ? 'completed' : 'interrupted',
    };
  }

  it(
    'at every byte, clients receive exactly the complete frames, and no partial answer is completed',
    async () => {
      const expectations = new Map<string, ReturnType<typeof expected>>();
      let tooManyEnds = 0;
      let length = 0;
      const cutAt = async (bytes: number) => {
        const query = `Cut at ${bytes}`;
        const choices = randomFor('cut', bytes);
        upstream.on(query, async (reply) => {
          const frames = transcript(reply);
          const all = Buffer.concat(frames.map((frame) => frame.bytes));
          ({ length } = all);
          expectations.set(query, expected(frames, bytes));
          const middle = choices.between(0, bytes);
          reply.wire.open();
          for (const part of [all.subarray(0, middle), all.subarray(middle, bytes)]) {
            if (part.length > 0) await reply.raw(part);
          }
          if (bytes >= all.length) saveWhole(reply, frames);
          await reply[choices.pick<'cut' | 'hangUp' | 'reset'>(['cut', 'hangUp', 'reset'])]();
        });
        const user = userOf(bytes);
        ledger.asks(query, user);
        const connection = await openRaw(app.url, asking(user, { character_id: characterId, query }));
        await connection.over;
        ledger.told(query, connection);
        if (toTelling(connection).terminals.length !== 1 || !connection.isWhole()) tooManyEnds += 1;
      };
      await cutAt(0);
      // Outside the full suite, cuts are spread evenly over the whole transcript.
      const step = isFull ? 1 : Math.ceil(length / 120);
      const count = Math.ceil(length / step);
      await sideBySide({ count, width: 50 }, (index) => cutAt(length - index * step));

      const saved = await savedAnswers();
      const wrong = [...expectations].filter(([query, want]) => {
        const { outcome, answer } = saved.get(query) ?? {};
        return outcome !== want.outcome || answer !== want.answer;
      });
      const calledComplete = wrong.filter(([query]) => saved.get(query)?.outcome === 'completed').length;
      report('Dify cut at every byte', {
        [`cuts of ${length} bytes`]: expectations.size,
        'wrongly completed': calledComplete,
        'texts lost or wrong': wrong.length,
        'without exactly one terminal event': tooManyEnds,
      });
      expect(wrong.slice(0, 3)).toEqual([]);
      expect({ calledComplete, tooManyEnds }).toEqual({ calledComplete: 0, tooManyEnds: 0 });
    },
    classTimeoutMs,
  );
});

describe('fault suite of connections', () => {
  it('contains no contradiction between clients, database and Dify', async () => {
    const violations = await ledger.check(app.db, upstream);
    report('checker', { questions: ledger.queries().length, contradictions: violations.length });
    expect(violations.slice(0, 5)).toEqual([]);
  });
});
