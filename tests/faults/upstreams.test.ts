import type { Wire } from '../dify-emulator/wire';
import { dataFrame, pingFrame } from '../dify-emulator/frames';
import { startOpenAiEmulator, type OpenAiEmulator } from '../openai-emulator';
import { isRecord } from '../dify-emulator/requests';
import { startApp, type App } from '../support/app';
import { chooseUpstream } from '../support/choose-upstream';
import type { Client } from '../support/client';
import { appIdOf } from '../upstream/dify-console/support/console';
import { asking, toTelling } from './support/asking';
import { withoutLimits } from './support/env';
import { randomFor } from './support/random';
import { openRaw } from './support/raw-client';
import { classTimeoutMs, isFull, report, scale } from './support/scale';
import { sideBySide } from './support/side-by-side';
import { piecesOf } from './support/upstream';
import { holdsWithin } from '../support/until';

// `connections` tests Dify's Service API. The same classes of faults run here against the other upstreams.

/** One streamed answer of any upstream: its bytes, and the text that each frame adds. */
type Transcript = readonly { readonly bytes: Buffer; readonly text: string; readonly isEnd?: boolean }[];

/** Sends an answer. `frames` is what the upstream sends for a question if nothing breaks. */
type Play = (wire: Wire, frames: Transcript, save: () => void) => Promise<void>;

const pieceCount = 34;
const kinds = ['dify-console', 'openai'] as const;
type Kind = (typeof kinds)[number];

let app: App;
let openai: OpenAiEmulator;
let users: Client[];
let characters: Readonly<Record<Kind, string>>;
const plays = new Map<string, Play>();

beforeAll(async () => {
  openai = await startOpenAiEmulator({ models: ['emulated-model'] });
  app = await startApp({
    env: {
      ...withoutLimits,
      // The server gives up recovery early, so a broken answer stays broken.
      CHAT_RECOVERY_SECONDS: '0.1',
      // The test chooses the upstreams by SQL.
      CHAT_REMEMBER_CHARACTERS_SECONDS: '0',
      DIFY_ANSWERS_AT_ONCE: '0',
      OPENAI_BASE_URL: openai.url,
      OPENAI_API_KEY: openai.apiKey,
      OPENAI_MODEL: 'emulated-model',
    },
    dify: { apps: [{ key: 'app-console', mode: 'chat' }], titleDelayMs: 1 },
    difyEnv: ({ url, account }) => ({
      DIFY_API_KEY: 'app-console',
      DIFY_CONSOLE_URL: url,
      DIFY_CONSOLE_EMAIL: account.email,
      DIFY_CONSOLE_PASSWORD: account.password,
    }),
  });
  users = await Promise.all(Array.from({ length: 5 }, () => app.createUser()));
  const create = async (upstream: Kind, upstream_app_id: string | null) => {
    const { documentId } = await app.admin.createCharacter({ name: upstream });
    await chooseUpstream(app, documentId, { upstream, upstream_app_id });
    return documentId;
  };
  characters = {
    'dify-console': await create('dify-console', appIdOf(app.dify, 'app-console')),
    openai: await create('openai', null),
  };
  playFromDify();
  playFromOpenAi();
});
afterAll(async () => {
  await app.stop();
  await openai.close();
});

function playFromDify(): void {
  app.dify.always(async (reply) => {
    const { message, conversation } = reply.turn;
    const envelope = { conversation_id: conversation.id, message_id: message.id, created_at: 1_700_000_000 };
    const frame = (fields: Parameters<typeof dataFrame>[0]) =>
      dataFrame({ ...envelope, task_id: reply.turn.taskId, ...fields }, '1.x');
    const pieces = piecesOf(message.query, pieceCount).map((text) => ({
      bytes: frame({ event: 'message', id: message.id, answer: text }),
      text,
    }));
    const usage = { total_tokens: 7 };
    const end = { bytes: frame({ event: 'message_end', id: message.id, metadata: { usage } }), text: '' };
    const ping = { bytes: pingFrame, text: '' };
    const frames = [ping, ...pieces, { ...end, isEnd: true }];
    await plays.get(message.query)?.(reply.wire, frames, () => {
      reply.save();
      message.answer = textOf(frames);
    });
  });
}

function playFromOpenAi(): void {
  openai.always(async (reply) => {
    const { messages } = reply.body;
    const query = Array.isArray(messages) ? String(messages.filter(isRecord).at(-1)?.['content']) : '';
    const head = { id: reply.id, object: 'chat.completion.chunk', created: 1_700_000_000, model: 'm' };
    const frame = (delta: object, finish_reason: string | null = null) =>
      Buffer.from(`data: ${JSON.stringify({ ...head, choices: [{ index: 0, delta, finish_reason }] })}\n\n`);
    const frames = [
      { bytes: frame({ role: 'assistant', content: '' }), text: '' },
      ...piecesOf(query, pieceCount).map((text) => ({ bytes: frame({ content: text }), text })),
      { bytes: frame({}, 'stop'), text: '', isEnd: true },
      { bytes: Buffer.from('data: [DONE]\n\n'), text: '' },
    ];
    await plays.get(query)?.(reply.wire, frames, () => undefined);
  });
}

const textOf = (frames: Transcript): string => frames.map(({ text }) => text).join('');
const bytesOf = (frames: Transcript): Buffer => Buffer.concat(frames.map(({ bytes }) => bytes));
const userOf = (index: number): Client => users[index % users.length] ?? app.anonymous;

async function savedAnswer(query: string): Promise<{ readonly answer: string; readonly outcome: string }> {
  return app.db('chat_conversations').where({ role: 'assistant', query }).first('answer', 'outcome');
}

/** Returns the states that may be saved after these bytes. A last frame without its empty line may count. */
function expected(frames: Transcript, bytes: number) {
  return [0, 2].map((missing) => {
    let end = 0;
    const whole = frames.filter((frame) => (end += frame.bytes.length) <= bytes + missing);
    return {
      answer: textOf(whole),
      outcome: whole.some(({ isEnd }) => isEnd === true) ? 'completed' : 'interrupted',
    };
  });
}

describe.each(kinds)('an answer of the upstream %s', (kind) => {
  const ask = async (query: string, index: number, cutAfterBytes = Infinity) =>
    openRaw(app.url, {
      ...asking(userOf(index), { character_id: characters[kind], query }),
      cutAfterBytes,
    });

  it(
    'is saved whole, although its client leaves at any byte',
    async () => {
      const count = scale({ full: 300, smoke: 20 });
      await sideBySide({ count, width: 20 }, async (index) => {
        const query = `Who leaves ${kind} ${index}?`;
        plays.set(query, async (wire, frames, save) => {
          for (const { bytes } of frames.slice(0, -1)) await wire.write(bytes);
          save();
          await wire.write(frames.at(-1)?.bytes ?? Buffer.alloc(0));
          await wire.end();
        });
        const connection = await ask(query, index, randomFor(`leave ${kind}`, index).between(1, 9_000));
        await connection.over;
      });
      const isAllSaved = await holdsWithin(10_000, async () => {
        const [row] = await app.db('chat_conversations').where({ outcome: 'pending' }).count({ count: '*' });
        return Number(row?.['count']) === 0;
      });
      let complete = 0;
      for (let index = 0; index < count; index += 1) {
        const query = `Who leaves ${kind} ${index}?`;
        const { answer, outcome } = await savedAnswer(query);
        if (outcome === 'completed' && answer === piecesOf(query, pieceCount).join('')) complete += 1;
      }
      report(`clients of ${kind} that leave`, { disconnects: count, 'complete answers saved': complete });
      expect([isAllSaved, complete]).toEqual([true, count]);
    },
    classTimeoutMs,
  );

  it(
    'that breaks at any byte is saved so far, ends once, and is never called complete',
    async () => {
      const wrong: unknown[] = [];
      let length = 0;
      const cutAt = async (bytes: number) => {
        const query = `Cut ${kind} at ${String(bytes).padStart(6, '0')}`;
        const choices = randomFor(`cut ${kind}`, bytes);
        let wanted: ReturnType<typeof expected> = [];
        plays.set(query, async (wire, frames, save) => {
          const all = bytesOf(frames);
          ({ length } = all);
          wanted = expected(frames, bytes);
          const middle = choices.between(0, bytes);
          wire.open();
          for (const part of [all.subarray(0, middle), all.subarray(middle, bytes)])
            if (part.length > 0) await wire.write(part);
          if (bytes >= all.length) save();
          await wire[choices.pick<'end' | 'hangUp' | 'reset'>(['end', 'hangUp', 'reset'])]();
        });
        const connection = await ask(query, bytes);
        await connection.over;
        const { terminals, text } = toTelling(connection);
        const saved = await savedAnswer(query);
        const isRight = wanted.some(
          ({ answer, outcome }) => saved.answer === answer && saved.outcome === outcome && text === answer,
        );
        if (!isRight || terminals.length !== 1 || !connection.isWhole()) wrong.push({ bytes, saved, text });
      };
      await cutAt(0);
      // Answers to other questions are a little shorter or longer.
      const longest = length;
      const step = isFull ? 1 : Math.ceil(longest / 40);
      const count = Math.ceil(longest / step);
      await sideBySide({ count, width: 20 }, (index) => cutAt(longest - index * step));
      report(`${kind} cut at bytes`, { cuts: count + 1, 'texts lost or wrong': wrong.length });
      expect(wrong.slice(0, 3)).toEqual([]);
    },
    classTimeoutMs,
  );
});
