import type { AnsweringCharacter } from '../model/character';
import type { Usage } from '../model/outcome';
import { ChatError, toChatError, upstreamMessageOf } from '../errors';
import type {
  EndedConversation,
  FinishedTrial,
  TriedPrompt,
  TrialOutcome,
  TrialPlace,
  TrialStore,
} from '../ports/trials/trial-store';
import type { UpstreamConversation } from '../ports/unneeded-conversations';
import type { ReplyEvent, UpstreamQuestion } from '../ports/upstream';
import type { NamedUpstream, Upstreams } from '../ports/upstreams';
import { describeError, type Log } from '../shared/log';
import { createAnswer, type Answer } from '../turn/answer';
import { createLeaving } from './leaving';

/** A question that an editor asks a character to try it. */
export interface TrialQuestion {
  /** The trial and its editor. Questions of the same thread continue each other. Null: no question continues it. */
  readonly thread: string | null;
  /** The row of the administrator who asks. */
  readonly adminId: number;
  readonly character: AnsweringCharacter;
  readonly tried: TriedPrompt;
  readonly query: string;
}

type TextEvent = Extract<ReplyEvent, { readonly type: 'delta' | 'replaced' | 'queued' }>;

export type TrialEvent = TextEvent | TrialEnd;

export interface TrialEnd {
  readonly type: 'ended';
  readonly outcome: TrialOutcome;
  /** Tokens and price, as the upstream reports them. */
  readonly usage: Usage | null;
  readonly ms: number;
  /** A sentence for the editor; null unless the answer failed. */
  readonly error: string | null;
  /** The upstream's own sentence about its error. */
  readonly errorDetail: string | null;
}

/** Answers that editors ask for to try a character. They are no messages, and have a store of their own. */
export interface Trials {
  /**
   * Asks, and calls `take` with each event of the answer. The last one is `ended`, after the trial is saved. Never
   * rejects.
   * @param leave stops the answer in the upstream.
   */
  ask(question: TrialQuestion, take: (event: TrialEvent) => void, leave: AbortSignal): Promise<void>;
  /** Ends a thread, and lets the upstream delete its conversation. Its trials stay in the history. */
  clear(thread: string): Promise<void>;
  /** Ends the threads that nobody has used for a day. */
  clearIdle(): Promise<void>;
  /** Stops all answers. Settles when their trials are saved. */
  stop(): Promise<void>;
}

export interface TrialOptions {
  readonly upstreams: Pick<Upstreams, 'choose'>;
  readonly store: TrialStore;
  readonly maxAnswerChars: number;
  /** After a stop, the time for the upstream to end its reply. */
  readonly stopGraceMs: number;
  /** Lets the upstream delete a conversation. Never rejects. */
  readonly conversations: { add(conversation: UpstreamConversation): Promise<void> };
  readonly log: Pick<Log, 'warn'>;
}

/** The upstream gets the same user for all editors, so it learns nothing about them. */
const user = 'trial';
const idleMs = 86_400_000;

export function createTrials(options: TrialOptions): Trials {
  const { store, conversations } = options;
  const stopping = new AbortController();
  const running = new Map<Promise<void>, Thread>();
  const drop = async (ended: readonly EndedConversation[]) => {
    for (const conversation of ended) await conversations.add({ ...conversation, user });
  };
  return {
    async ask(question, take, leave) {
      const thread: Thread = { name: question.thread };
      const asking = ask(options, { ...question, thread }, take, AbortSignal.any([leave, stopping.signal]));
      running.set(asking, thread);
      await asking.finally(() => running.delete(asking));
    },
    async clear(name) {
      for (const thread of running.values()) if (thread.name === name) thread.name = null;
      await drop(await store.endThread(name));
    },
    clearIdle: async () => drop(await store.endIdle(new Date(Date.now() - idleMs))),
    async stop() {
      stopping.abort();
      await Promise.all(running.keys());
    },
  };
}

/** The thread of a running answer. Its name becomes null when the editor clears the thread. */
interface Thread {
  name: string | null;
}

type RunningQuestion = Omit<TrialQuestion, 'thread'> & { readonly thread: Thread };

async function ask(
  options: TrialOptions,
  question: RunningQuestion,
  take: (event: TrialEvent) => void,
  leave: AbortSignal,
): Promise<void> {
  const beganMs = Date.now();
  const answer = createAnswer({ maxChars: options.maxAnswerChars });
  let answering: NamedUpstream | null = null;
  let error: ChatError | null = null;
  try {
    answering = await options.upstreams.choose(question.character.upstream);
    const place = await findPlace(options, question.thread.name, answering);
    await readAnswer(options, { ...question, answering, place, answer }, take, leave);
  } catch (thrown) {
    if (!leave.aborted) error = toChatError(thrown);
  }
  const outcome = leave.aborted ? 'stopped' : error === null ? 'completed' : 'failed';
  const trial = toFinished({ question, answering, answer, outcome, error, ms: Date.now() - beganMs });
  await save(options, trial);
  take({
    type: 'ended',
    outcome,
    usage: trial.usage,
    ms: trial.ms,
    error: trial.error?.sentence ?? null,
    errorDetail: trial.error?.detail ?? null,
  });
}

/** Returns null for a new conversation: the thread is new, or another upstream answers now. */
async function findPlace(
  { store, conversations }: TrialOptions,
  thread: string | null,
  answering: NamedUpstream,
): Promise<TrialPlace | null> {
  if (thread === null) return null;
  const place = await store.findPlace(thread);
  if (place === null || place.upstreamId === answering.id) return place;
  for (const ended of await store.endThread(thread)) await conversations.add({ ...ended, user });
  return null;
}

interface Asking extends RunningQuestion {
  readonly answering: NamedUpstream;
  readonly place: TrialPlace | null;
  readonly answer: Answer;
}

/** Reads an answer to its end, or until its editor has left. */
async function readAnswer(
  { store, stopGraceMs: graceMs, log }: TrialOptions,
  asking: Asking,
  take: (event: TextEvent) => void,
  leave: AbortSignal,
): Promise<void> {
  const { answer, answering } = asking;
  const leaving = createLeaving({ upstream: answering.upstream, user, leave, graceMs, log });
  const takeAll = (events: readonly ReplyEvent[]) => {
    leaving.throwIfOver();
    for (const event of events) {
      answer.take(event);
      if (event.type === 'identified') leaving.identified(event.taskId);
      else if (event.type !== 'completed' && event.type !== 'file') take(event);
      if (answer.isTooLong()) throw new ChatError('answer-too-long');
    }
  };
  const reading = answering.upstream.ask(toQuestion(asking, store), takeAll, leave);
  // After a stop, the upstream can still send. Its connection closes with its next event.
  reading.catch(() => undefined);
  try {
    await Promise.race([reading, leaving.isOver]);
  } finally {
    leaving.end();
  }
}

function toQuestion(
  { character, query, thread: { name }, place, answering }: Asking,
  store: TrialStore,
): UpstreamQuestion {
  const { inputs, model, modelProvider, modelParameters } = character.upstream;
  const { hasBranches } = answering.upstream;
  return {
    query,
    inputs: {},
    characterInputs: inputs ?? {},
    prompt: character.prompt,
    user,
    conversationId: place?.conversationId ?? null,
    parentMessageId: hasBranches ? (place?.messageId ?? null) : null,
    model: model === null ? undefined : { name: model, provider: modelProvider ?? undefined },
    parameters: modelParameters ?? {},
    ...(name !== null && { earlier: () => store.readEarlier(name) }),
  };
}

interface Finishing extends Pick<FinishedTrial, 'outcome' | 'ms'> {
  readonly question: RunningQuestion;
  readonly answering: NamedUpstream | null;
  readonly answer: Answer;
  readonly error: ChatError | null;
}

function toFinished({ question, answering, answer, outcome, error, ms }: Finishing): FinishedTrial {
  const { thread, adminId, character, tried, query } = question;
  const { answer: text, conversationId, messageId } = answer.progress();
  const keeps = answering?.upstream.keepsConversations === true;
  return {
    thread: thread.name,
    adminId,
    characterId: character.documentId,
    tried,
    query,
    answer: text,
    outcome,
    error:
      error === null ? null : { code: error.code, sentence: error.message, detail: upstreamMessageOf(error) },
    usage: answer.usage(),
    ms,
    upstreamId: answering?.id ?? null,
    conversationId: (keeps ? conversationId : undefined) ?? null,
    messageId: (keeps ? messageId : undefined) ?? null,
  };
}

/** Never rejects: the editor gets the end of the answer even if it cannot be kept. */
async function save({ store, conversations, log }: TrialOptions, trial: FinishedTrial): Promise<void> {
  const { thread, conversationId, upstreamId } = trial;
  try {
    await store.save(trial);
  } catch (error) {
    log.warn(`A trial could not be saved: ${describeError(error)}`);
  }
  // No question can continue it.
  if (thread === null && conversationId !== null)
    await conversations.add({ conversationId, upstreamId, user });
}
