import { createAnswer, type Answer } from './answer';
import { createCheckpoints } from './checkpoints';
import type { TakeEvents, FoundAnswer, ReplyEvent } from '../ports/upstream';
import { ChatError, toChatError, type ChatErrorCode } from '../errors';
import type { EndReason } from '../stream/live-turns';
import { describeError } from '../shared/log';
import { recover } from './recover';
import type { TurnSettings } from '../settings';
import type { NewTurn, TurnEnding, TurnProgress } from '../model/turn';
import type { TurnStore } from '../ports/turn-store';
import type { TerminalEvent, TurnEvent } from '../model/turn-event';
import { saveEnd, type SaveEndOptions } from './save-end';

export interface PumpOptions extends SaveEndOptions {
  readonly turn: NewTurn;
  readonly settings: TurnSettings;
  readonly store: TurnStore;
  /** Puts the question to Dify, in this conversation or (null) in a new one. */
  readonly ask: (conversationId: string | null, take: TakeEvents) => Promise<void>;
  /** Asks Dify to stop generating. */
  readonly stop: (taskId: string) => Promise<void>;
  /** What Dify has saved of the answer that has come so far, or null. */
  readonly findAnswer: (progress: TurnProgress) => Promise<FoundAnswer | null>;
  /** Fires, with its reason, when the turn is to end before its answer does. */
  readonly endRequest: AbortSignal;
  readonly identify: (ids: Pick<TurnProgress, 'messageId' | 'conversationId'>) => void;
  readonly append: (event: TurnEvent) => void;
}

/** Codes that say: the answer broke off, what had arrived is saved. Every other error is a failure. */
const interruptions: ReadonlySet<ChatErrorCode> = new Set([
  'upstream-interrupted',
  'answer-too-long',
  'server-stopping',
]);

/**
 * Reads one answer to its end, whoever is listening, and saves it. Everything that can go wrong becomes an ending:
 * this never rejects.
 * @returns the terminal event, once the end is saved. When the end was requested and Dify does not come to one, Dify is
 *   read on behind the caller's back: to leave would make it forget what it has.
 */
export async function pump(options: PumpOptions): Promise<TerminalEvent> {
  const { turn, settings, log } = options;
  const answer = createAnswer({ maxChars: settings.maxAnswerChars });
  const checkpoints = createCheckpoints({
    everyMs: settings.checkpointEveryMs,
    save: createSave(options, answer),
    onFailed: (error) => log.warn(`Turn ${turn.turnId}: a checkpoint failed: ${describeError(error)}`),
  });

  const reading = readToEnd(options, answer, () => checkpoints.due());
  const end = await Promise.race([reading, requestedEnd(options, reading)]);
  answer.freeze();
  await checkpoints.stop();
  return saveEnd(options, { ...answer.progress(), ...end });
}

/** The first time Dify's conversation is known, it is saved on all of the turn; afterwards only the text grows. */
function createSave({ turn, store }: PumpOptions, answer: Answer): () => Promise<void> {
  let isIdentified = false;
  return async () => {
    const progress = answer.progress();
    await store.checkpoint(turn.turnId, progress);
    if (isIdentified || progress.conversationId === undefined) return;
    await store.identify(turn.turnId, progress.conversationId);
    isIdentified = true;
  };
}

type End = Pick<TurnEnding, 'outcome' | 'errorCode' | 'usage'>;

const stopped: End = { outcome: 'stopped', errorCode: null, usage: null };

/** The end somebody asked for, at the latest when Dify was given its time to come to one. */
function requestedEnd({ endRequest, settings }: PumpOptions, reading: Promise<End>): Promise<End> {
  return new Promise((resolve) => {
    let timer: NodeJS.Timeout | undefined;
    const onRequest = () => {
      const reason = endRequest.reason as EndReason;
      if (reason === 'shutdown') {
        resolve({ outcome: 'interrupted', errorCode: 'server-stopping', usage: null });
      } else {
        timer = setTimeout(() => resolve(stopped), settings.stopGraceMs);
      }
    };
    endRequest.addEventListener('abort', onRequest, { once: true });
    void reading.then(() => {
      clearTimeout(timer);
      endRequest.removeEventListener('abort', onRequest);
    });
  });
}

async function readToEnd(options: PumpOptions, answer: Answer, onProgress: () => void): Promise<End> {
  const { turn, log, endRequest } = options;
  const stopper = createStopper(options);
  try {
    await readWhole();
    return endRequest.reason === 'stop'
      ? { ...stopped, usage: answer.usage() }
      : { outcome: 'completed', errorCode: null, usage: answer.usage() };
  } catch (error) {
    const { code } = toChatError(error);
    // However Dify ends what it was told to stop: the user got what they wanted.
    if (endRequest.reason === 'stop') return stopped;
    log.warn(`Turn ${turn.turnId} ends early: ${describeError(error)}`);
    return { outcome: interruptions.has(code) ? 'interrupted' : 'failed', errorCode: code, usage: null };
  }

  async function readWhole(): Promise<void> {
    try {
      await read(turn.session.conversationId);
    } catch (error) {
      if (toChatError(error).code !== 'upstream-interrupted' || !(await isRecovered())) throw error;
      log.info(`Turn ${turn.turnId} broke off; the whole answer was found in what Dify has saved.`);
    }
  }

  async function read(conversationId: string | null): Promise<void> {
    let hasBegun = false;
    try {
      await options.ask(conversationId, (events) => {
        hasBegun = true;
        for (const event of events) take(event);
        onProgress();
      });
    } catch (error) {
      // Somebody deleted the conversation in Dify. As nothing was generated, asking again in a new one is safe, and
      // better than a session that can never go on.
      const isGone = toChatError(error).code === 'upstream-conversation-gone';
      if (!isGone || hasBegun || conversationId === null || options.endRequest.aborted) throw error;
      log.warn(
        `Turn ${turn.turnId}: Dify no longer has the session's conversation; it goes on in a new one.`,
      );
      await read(null);
    }
  }

  async function isRecovered(): Promise<boolean> {
    const { answer: text, ...ids } = answer.progress();
    const found = await recover({
      find: () => options.findAnswer({ answer: text, ...ids }),
      recoveryMs: options.settings.recoveryMs,
      signal: endRequest,
    });
    if (found === null) return false;
    const { messageId, conversationId, answer: whole } = found;
    if (ids.messageId === undefined)
      take({ type: 'identified', taskId: undefined, messageId, conversationId });
    if (whole === text) return true;
    if (whole.startsWith(text)) take({ type: 'delta', text: whole.slice(text.length) });
    else take({ type: 'replaced', text: whole });
    return true;
  }

  function take(event: ReplyEvent): void {
    if (event.type === 'identified' && event.taskId !== undefined) stopper.identified(event.taskId);
    // After a requested end only Dify's own end matters.
    if (answer.isFrozen()) return;
    answer.take(event);
    if (event.type === 'identified') options.identify(event);
    if (event.type === 'delta' || event.type === 'replaced') options.append(event);
    if (answer.isTooLong()) throw new ChatError('answer-too-long');
  }
}

/** Tells Dify to stop once, as soon as it was asked for and Dify's task is known, in whichever order. */
function createStopper({ turn, endRequest, stop, log }: PumpOptions) {
  let taskId: string | undefined;
  const tell = () => {
    if (taskId === undefined || endRequest.reason !== 'stop') return;
    stop(taskId).catch((error: unknown) => {
      log.warn(`Turn ${turn.turnId}: Dify could not be told to stop: ${describeError(error)}`);
    });
  };
  endRequest.addEventListener('abort', tell, { once: true });
  return {
    identified(id: string): void {
      taskId = id;
      tell();
    },
  };
}
