import type { AnsweringCharacter } from '../model/character';
import type { Usage } from '../model/outcome';
import { ChatError, toChatError, upstreamMessageOf } from '../errors';
import type { UpstreamConversation } from '../ports/unneeded-conversations';
import type { ReplyEvent, UpstreamQuestion } from '../ports/upstream';
import type { NamedUpstream, Upstreams } from '../ports/upstreams';
import type { Log } from '../shared/log';
import { createAnswer } from '../turn/answer';
import { createLeaving } from './leaving';
import { createThreads, type TrialThread } from './threads';

/** A question that an editor asks a character to try it. */
export interface TrialQuestion {
  /** The trial and its editor. Questions of the same thread continue each other. */
  readonly thread: string;
  readonly character: AnsweringCharacter;
  readonly query: string;
}

type TextEvent = Extract<ReplyEvent, { readonly type: 'delta' | 'replaced' | 'queued' }>;

export type TrialEvent = TextEvent | TrialEnd;

export interface TrialEnd {
  readonly type: 'ended';
  readonly outcome: 'completed' | 'stopped' | 'failed';
  /** Tokens and price, as the upstream reports them. */
  readonly usage: Usage | null;
  readonly ms: number;
  /** A sentence for the editor; null unless the answer failed. */
  readonly error: string | null;
  /** The upstream's own sentence about its error. */
  readonly errorDetail: string | null;
}

/**
 * Answers that editors ask for to try a character. They are no messages: no list, no limit and no statistics of users
 * has them. The process keeps them in memory for a while.
 */
export interface Trials {
  /**
   * Asks, and calls `take` with each event of the answer. The last one is `ended`. Never rejects.
   * @param leave stops the answer in the upstream.
   */
  ask(question: TrialQuestion, take: (event: TrialEvent) => void, leave: AbortSignal): Promise<void>;
  /** Forgets a thread, and lets the upstream delete its conversation. */
  clear(thread: string): void;
}

export interface TrialOptions {
  readonly upstreams: Pick<Upstreams, 'choose'>;
  readonly maxAnswerChars: number;
  /** After a stop, the time for the upstream to end its reply. */
  readonly stopGraceMs: number;
  /** Lets the upstream delete a conversation. Never rejects. */
  readonly conversations: { add(conversation: UpstreamConversation): Promise<void> };
  readonly log: Pick<Log, 'warn'>;
}

/** The upstream gets the same user for all editors, so it learns nothing about them. */
const user = 'trial';

export function createTrials(options: TrialOptions): Trials {
  const threads = createThreads((ended) => void options.conversations.add({ ...ended, user }));
  return {
    clear: (thread) => threads.clear(thread),
    async ask({ thread: name, ...question }, take, leave) {
      const beganMs = Date.now();
      const end = (outcome: TrialEnd['outcome'], usage: Usage | null, error: ChatError | null = null) =>
        take({
          type: 'ended',
          outcome,
          usage,
          ms: Date.now() - beganMs,
          error: error?.message ?? null,
          errorDetail: error === null ? null : upstreamMessageOf(error),
        });
      try {
        const answering = await options.upstreams.choose(question.character.upstream);
        const thread = threads.open(name, answering);
        const usage = await readAnswer(options, { ...question, answering, thread }, take, leave);
        end(leave.aborted ? 'stopped' : 'completed', usage);
      } catch (error) {
        if (leave.aborted) end('stopped', null);
        else end('failed', null, toChatError(error));
      }
    },
  };
}

interface Asking extends Omit<TrialQuestion, 'thread'> {
  readonly answering: NamedUpstream;
  readonly thread: TrialThread;
}

/** Reads an answer to its end, or until its editor has left, and adds it to the thread. */
async function readAnswer(
  { maxAnswerChars, stopGraceMs: graceMs, log }: TrialOptions,
  asking: Asking,
  take: (event: TextEvent) => void,
  leave: AbortSignal,
): Promise<Usage | null> {
  const { upstream } = asking.answering;
  const answer = createAnswer({ maxChars: maxAnswerChars });
  const leaving = createLeaving({ upstream, user, leave, graceMs, log });
  const takeAll = (events: readonly ReplyEvent[]) => {
    leaving.throwIfOver();
    for (const event of events) {
      answer.take(event);
      if (event.type === 'identified') leaving.identified(event.taskId);
      else if (event.type !== 'completed' && event.type !== 'file') take(event);
      if (answer.isTooLong()) throw new ChatError('answer-too-long');
    }
  };
  const reading = upstream.ask(toQuestion(asking), takeAll, leave);
  // After a stop, the upstream can still send. Its connection closes with its next event.
  reading.catch(() => undefined);
  try {
    await Promise.race([reading, leaving.isOver]);
    return answer.usage();
  } finally {
    leaving.end();
    const progress = answer.progress();
    asking.thread.add({ question: asking.query, answer: progress.answer }, progress);
  }
}

function toQuestion({ character, query, thread, answering: { upstream } }: Asking): UpstreamQuestion {
  const { inputs, model, modelProvider, modelParameters } = character.upstream;
  return {
    query,
    inputs: {},
    characterInputs: inputs ?? {},
    prompt: character.prompt,
    user,
    conversationId: thread.conversationId(),
    parentMessageId: upstream.hasBranches ? thread.parentMessageId() : null,
    model: model === null ? undefined : { name: model, provider: modelProvider ?? undefined },
    parameters: modelParameters ?? {},
    earlier: () => thread.newestFirst(),
  };
}
