import type { UpstreamChoice } from '../../../src/chat/model/character';
import type { Upstream } from '../../../src/chat/ports/upstream';
import { difyClient, difySettings } from '../../chat/support/dify';
import { createGate } from '../../chat/support/collect';
import { createDifyEmulator, type DifyEmulator, type Script } from '../../dify-emulator';
import { isRecord } from '../../dify-emulator/requests';
import { faults, startOpenAiEmulator } from '../../openai-emulator';
import { consoleUpstream } from '../dify-console/support/console';
import { openAiClient, openAiSettings } from '../openai/support/openai';

/** An upstream on its emulator, for a test that runs against all of them. */
export interface Rig {
  readonly upstream: Upstream;
  /** A model that a character can choose. Null if the app chooses it. */
  readonly model: Partial<UpstreamChoice> | null;
  /** Lets the next answer break off after this number of pieces. The upstream saves nothing of it. */
  breakOff(after: number): void;
  /** Lets the next answer pause after this number of pieces, until `goOn` or a stop. */
  pause(after: number): { goOn(): void };
  /** Lets the next question be refused because the quota is used up, with this sentence. */
  refuse(sentence: string): void;
  /** Lets the next connection break off. The whole answer is saved. Null if the upstream saves no answers. */
  readonly breakOffButSave: ((after: number) => void) | null;
  /** Returns what the newest request asked for. */
  newest(): AskedFor;
  /** Settles when no answer is open. */
  idle(): Promise<void>;
  close(): Promise<void>;
}

interface AskedFor {
  readonly prompt: unknown;
  readonly query: unknown;
  /** Undefined if the app chooses them. */
  readonly model?: unknown;
  readonly temperature?: unknown;
  /** The earlier questions that the model knows. */
  readonly earlier: readonly string[];
}

/** Longer than a test. So no deadline ends what a stop must end. */
const patient = { firstByteTimeoutMs: 60_000, idleTimeoutMs: 60_000, totalTimeoutMs: 60_000 };

export const rigs: Readonly<Record<string, () => Promise<Rig>>> = {
  dify: async () => {
    const dify = await startDify();
    return {
      ...difyRig(dify),
      upstream: difyClient(difySettings(dify, patient)),
      model: null,
      newest() {
        const body = newestBody(dify.requests);
        const { id = '' } = dify.conversations().at(-1) ?? {};
        const earlier = dify.messages(id).slice(0, -1);
        const inputs = isRecord(body['inputs']) ? body['inputs'] : {};
        return {
          prompt: inputs['prompt'],
          query: body['query'],
          earlier: earlier.map((message) => message.query),
        };
      },
    };
  },
  'dify-console': async () => {
    const dify = await startDify();
    return {
      ...difyRig(dify),
      upstream: consoleUpstream(dify, { overrides: patient }),
      model: {
        modelProvider: 'langgenius/openai_api_compatible/openai_api_compatible',
        model: 'fake-large',
      },
      newest() {
        const body = newestBody(dify.requests);
        const { id = '' } = dify.conversations().at(-1) ?? {};
        const config = isRecord(body['model_config']) ? body['model_config'] : {};
        const model = isRecord(config['model']) ? config['model'] : {};
        const parameters = isRecord(model['completion_params']) ? model['completion_params'] : {};
        const earlier = dify.messages(id).at(-1)?.console?.earlier ?? [];
        return {
          prompt: config['pre_prompt'],
          query: body['query'],
          model: model['name'],
          temperature: parameters['temperature'],
          earlier: earlier.map((message) => message.query),
        };
      },
    };
  },
  openai: async () => {
    const openai = await startOpenAiEmulator({ models: ['emulated-model', 'other-model'] });
    return {
      upstream: openAiClient(openAiSettings(openai, patient)),
      model: { model: 'other-model' },
      breakOff: (after) => openai.next(faults.eof(after)),
      pause(after) {
        const { opened, open } = createGate();
        openai.next(async (reply) => {
          await reply.tell(after);
          await Promise.race([opened, reply.closed]);
          for (const text of reply.deltas.slice(after)) await reply.say(text);
          await reply.finish();
          await reply.done();
          await reply.end();
        });
        return { goOn: open };
      },
      refuse: (message) => openai.next(faults.refuses(429, { message, code: 'insufficient_quota' })),
      breakOffButSave: null,
      newest() {
        const { model, temperature, messages } = newestBody(openai.requests);
        const all = Array.isArray(messages) ? messages.filter(isRecord) : [];
        const by = (role: string) =>
          all.filter((message) => message['role'] === role).map(({ content }) => String(content));
        const questions = by('user');
        return {
          model,
          temperature,
          prompt: by('system')[0],
          query: questions.at(-1),
          earlier: questions.slice(0, -1),
        };
      },
      idle: openai.idle,
      close: openai.close,
    };
  },
};

function startDify(): Promise<DifyEmulator> {
  return createDifyEmulator({ titleDelayMs: 1, stopDelayMs: 1, pingEveryMs: 10 }).listen();
}

function difyRig(dify: DifyEmulator) {
  return {
    breakOff: (after: number) => dify.next({ name: 'eof-after-deltas', after }),
    pause(after: number) {
      const { opened, open } = createGate();
      const play: Script = async (reply) => {
        reply.keepAlive();
        await reply.tell(after);
        await Promise.race([opened, reply.closed]);
        await reply.tell();
        await reply.end();
      };
      dify.script(play);
      return { goOn: open };
    },
    refuse: (message: string) => dify.next({ name: 'refuse', code: 'provider_quota_exceeded', message }),
    breakOffButSave: (after: number) => dify.next({ name: 'eof-but-saved', after, ms: 20 }),
    idle: dify.idle,
    close: dify.close,
  };
}

/** Returns the body of the newest question. Other requests have no query and no messages. */
function newestBody(requests: readonly { readonly body: unknown }[]): Readonly<Record<string, unknown>> {
  const bodies = requests.map(({ body }) => body).filter(isRecord);
  return bodies.filter((body) => 'query' in body || 'messages' in body).at(-1) ?? {};
}
