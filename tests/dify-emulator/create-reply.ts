import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Emulation } from './call';
import { streamErrors } from './errors';
import { blockingAnswer, inEnvelope, messageEndFields, textFields, usageOf, type Turn } from './events';
import { insertToolFile, linkTo } from './files';
import { dataFrame, pingFrame, type EventFields } from './frames';
import type { AnswerFile, Reply } from './reply';
import type { RecordedRequest } from './requests';
import type { Usage } from './usage';
import type { Wire } from './wire';
import { workflowFinishedFields } from './workflow';

export type ReplySetup = {
  readonly turn: Turn;
  readonly request: RecordedRequest;
  readonly emulation: Emulation;
  readonly wire: Wire;
  readonly deltas: readonly string[];
  /** Sends one JSON body at the end instead of a stream. */
  readonly blocking: boolean;
  /** Continues after the client has left. */
  readonly detached: boolean;
  readonly tokenIntervalMs: number;
  readonly pingEveryMs: number;
  readonly shutdown: AbortSignal;
  /** Runs between `message_end` and the end of the response. */
  readonly beforeClose: (pause: (ms: number) => Promise<void>) => Promise<void>;
};

type Draft = ReplySetup & {
  readonly life: AbortController;
  text: string;
  told: number;
  isFinished: boolean;
  isStopped: boolean;
  ignoresStop: boolean;
  outlives: boolean;
  pings: { readonly timer: NodeJS.Timeout; readonly inSilence: boolean } | undefined;
};

export function createReply(setup: ReplySetup): Reply {
  const draft = createDraft(setup);
  const { turn, wire } = setup;
  const unlessOver = async (job: () => Promise<void>): Promise<void> => (isOver(draft) ? undefined : job());
  return {
    request: setup.request,
    turn,
    taskId: turn.taskId,
    conversationId: turn.conversation.id,
    messageId: turn.message.id,
    deltas: setup.deltas,
    get said() {
      return draft.text;
    },
    get isStopped() {
      return draft.isStopped;
    },
    wire,
    closed: wire.closed,
    say: (text, overrides) => unlessOver(() => say(draft, text, overrides)),
    tell: (count) => tell(draft, count),
    showFile: (file) => unlessOver(() => showFile(draft, file)),
    replace: (text) => unlessOver(() => replace(draft, text)),
    event: ({ event, ...fields }) => unlessOver(() => emit(draft, event, fields)),
    ping: () => unlessOver(() => write(draft, pingFrame)),
    raw: (bytes) => unlessOver(() => write(draft, Buffer.from(bytes))),
    keepAlive: (when = 'always') => keepAlive(draft, when),
    pause: (ms) => pause(draft, ms),
    save: () => save(draft),
    finish: (overrides) => unlessOver(() => finish(draft, { overrides })),
    end: (usage) => unlessOver(() => end(draft, usage)),
    error: (code, message, status) => unlessOver(() => fail(draft, code, message, status)),
    refuse: (answer) => wire.answer(answer),
    cut: () => (setup.blocking ? wire.hangUp() : wire.end()),
    hangUp: () => wire.hangUp(),
    reset: () => wire.reset(),
    stall: () => {
      clearInterval(draft.pings?.timer);
      return wire.closed;
    },
    stop: () => stop(draft),
    ignoreStop: () => void (draft.ignoresStop = true),
    outlive: () => void (draft.outlives = true),
  };
}

function createDraft(setup: ReplySetup): Draft {
  const life = new AbortController();
  const draft: Draft = {
    ...setup,
    life,
    text: '',
    told: 0,
    isFinished: false,
    isStopped: false,
    ignoresStop: false,
    // Dify finishes a blocking answer without looking at the socket.
    outlives: setup.detached || setup.blocking,
    pings: undefined,
  };
  const die = (): void => life.abort();
  setup.shutdown.addEventListener('abort', die, { once: true, signal: life.signal });
  life.signal.addEventListener('abort', () => clearInterval(draft.pings?.timer), { once: true });
  void setup.wire.closed.then(() => (draft.outlives ? undefined : die()));
  return draft;
}

function isOver(draft: Draft): boolean {
  return draft.isStopped || draft.life.signal.aborted;
}

async function say(draft: Draft, text: string, overrides: EventFields = {}): Promise<void> {
  draft.text += text;
  const { event, ...fields } = { ...textFields(draft.turn, text), ...overrides };
  await emit(draft, String(event), fields);
}

async function tell(draft: Draft, count = Infinity): Promise<void> {
  const last = Math.min(draft.told + count, draft.deltas.length);
  while (draft.told < last && !isOver(draft)) {
    await say(draft, draft.deltas[draft.told++] ?? '');
    await pause(draft, draft.tokenIntervalMs);
  }
}

async function showFile(draft: Draft, { type = 'image', url, ...made }: AnswerFile): Promise<void> {
  const { emulation, request, turn } = draft;
  const file = insertToolFile(emulation.state, made);
  const fields = {
    id: randomUUID(),
    type,
    belongs_to: 'assistant',
    url: url ?? linkTo(file, { emulation, request }),
  };
  turn.message.files = [...turn.message.files, { id: fields.id, type, belongsTo: 'assistant', file }];
  await emit(draft, 'message_file', fields);
}

async function replace(draft: Draft, text: string): Promise<void> {
  draft.text = text;
  await emit(draft, 'message_replace', { answer: text, ...(draft.turn.profile === '1.x' && { reason: '' }) });
}

async function emit(draft: Draft, event: string, fields: EventFields): Promise<void> {
  await write(draft, dataFrame(inEnvelope(draft.turn, event, fields), draft.turn.profile));
}

async function write(draft: Draft, bytes: Buffer): Promise<void> {
  if (draft.blocking) return;
  if (draft.pings?.inSilence) draft.pings.timer.refresh();
  await draft.wire.write(bytes);
}

function keepAlive(draft: Draft, when: 'always' | 'in-silence'): void {
  clearInterval(draft.pings?.timer);
  if (isOver(draft)) return;
  const timer = setInterval(() => void write(draft, pingFrame), draft.pingEveryMs);
  draft.pings = { timer, inSilence: when === 'in-silence' };
}

async function pause(draft: Draft, ms: number): Promise<void> {
  if (ms <= 0 || draft.life.signal.aborted) return;
  await sleep(ms, undefined, { signal: draft.life.signal }).catch(() => undefined);
}

function save({ turn, text }: Draft, usage: Usage = usageOf(turn, text)): void {
  turn.message.answer = text;
  turn.message.usage = usage;
}

async function finish(
  draft: Draft,
  {
    usage: given,
    overrides = {},
  }: { usage?: Partial<Usage> | undefined; overrides?: EventFields | undefined },
): Promise<void> {
  const { turn, text } = draft;
  const usage = usageOf(turn, text, given);
  const workflow = turn.workflow && workflowFinishedFields(turn, { text, usage, isStopped: draft.isStopped });
  if (workflow) await emit(draft, 'workflow_finished', workflow);
  draft.isFinished = true;
  save(draft, usage);
  await emit(draft, 'message_end', { ...messageEndFields(turn, usage), ...overrides });
}

async function end(draft: Draft, usage?: Partial<Usage>): Promise<void> {
  if (!draft.isFinished) await finish(draft, { usage });
  clearInterval(draft.pings?.timer);
  const { turn, wire } = draft;
  await draft.beforeClose((ms) => pause(draft, ms));
  if (draft.blocking) await wire.answer(blockingAnswer(turn));
  else await wire.end();
  draft.life.abort();
}

async function fail(draft: Draft, code: string, message?: string, status?: number): Promise<void> {
  const usual = code in streamErrors ? streamErrors[code as keyof typeof streamErrors] : undefined;
  const error = { code, status: status ?? usual?.status ?? 400, message: message ?? usual?.message ?? code };
  draft.isFinished = true;
  draft.turn.message.status = 'error';
  draft.turn.message.error = error.message;
  await emit(draft, 'error', error);
  clearInterval(draft.pings?.timer);
  if (draft.blocking) await draft.wire.answer({ status: error.status, json: error });
  else await draft.wire.end();
  draft.life.abort();
}

async function stop(draft: Draft): Promise<void> {
  if (draft.isFinished || draft.ignoresStop || isOver(draft)) return;
  draft.isStopped = true;
  await end(draft);
}
