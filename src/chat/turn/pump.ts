import { setTimeout as pause } from 'node:timers/promises';

import { createAnswer, maxAnswerFiles, type Answer } from './answer';
import { createCheckpoints } from './checkpoints';
import type { TakeEvents, FoundAnswer, ReplyEvent } from '../ports/upstream';
import { ChatError, chatErrors, toChatError, upstreamMessageOf, type ChatErrorCode } from '../errors';
import type { EndReason } from '../stream/live-turns';
import { describeError } from '../shared/log';
import { LoggableError } from '../shared/loggable-error';
import { doubling } from '../shared/retry';
import { recover } from './recovery/recover';
import type { TurnSettings } from '../settings';
import type { NewTurn, TurnEnding, TurnProgress } from '../model/turn';
import type { TurnStore } from '../ports/turn-store';
import type { TerminalEvent, TurnEvent } from '../model/turn-event';
import { saveEnd, type SaveEndOptions } from './save-end';

export interface PumpOptions extends SaveEndOptions {
  readonly turn: NewTurn;
  readonly settings: TurnSettings;
  readonly store: TurnStore;
  /** Sends the question to the upstream, in this conversation or, if null, in a new one. See `Upstream.ask`. */
  readonly ask: (conversationId: string | null, take: TakeEvents) => Promise<void>;
  /** Asks the upstream to stop generating. */
  readonly stop: (taskId: string) => Promise<void>;
  /**
   * Returns the answer that the upstream has saved for this turn, or null. It begins with the text so far. Undefined
   * if the upstream saves no answers.
   */
  readonly findAnswer: ((progress: TurnProgress) => Promise<FoundAnswer | null>) | undefined;
  /** Ends the turn, because its user has stopped it in another process, or another process has taken it over. */
  readonly requestEnd: (reason: EndReason) => void;
  /** Fires when the turn must end before its answer does. Its reason is the `EndReason`. */
  readonly endRequest: AbortSignal;
  /** Saves the upstream's conversation after the end of the turn. Never rejects. */
  readonly saveConversation: (conversationId: string) => Promise<void>;
  readonly identify: (ids: Pick<TurnProgress, 'messageId' | 'conversationId'>) => void;
  readonly append: (event: TurnEvent) => void;
  /** Returns the id of the last appended event. */
  readonly lastEventId: () => number;
}

export interface PumpEnd {
  readonly terminal: TerminalEvent;
  /** What this process has read, even if it could not be saved. */
  readonly ending: Pick<TurnEnding, 'outcome' | 'answer' | 'usage'>;
}

/** Codes of an answer that broke off, with the text so far saved. Every other error is a failure. */
const interruptions: ReadonlySet<ChatErrorCode> = new Set([
  'upstream-interrupted',
  'answer-too-long',
  'server-stopping',
]);

/**
 * Reads one answer to its end and saves it, with or without followers. Never rejects: every error becomes an ending.
 * @returns the end, after it is saved. After a requested end, the server may still read the upstream's reply in the
 *   background. Dify would discard the answer if its reader left.
 */
export async function pump(options: PumpOptions): Promise<PumpEnd> {
  const { turn, settings, log } = options;
  const answer = createAnswer({ maxChars: settings.maxAnswerChars });
  const checkpoints = createCheckpoints({
    everyMs: settings.checkpointEveryMs,
    save: createSave(options, answer),
    onFailed: (error) => log.warn(`Turn ${turn.turnId}: a checkpoint failed: ${describeError(error)}`),
  });

  const late = createLateConversation(options);
  const reading = readToEnd(options, answer, {
    onProgress: () => checkpoints.due(),
    onLateConversation: late.name,
  });
  const { error, ...end } = await Promise.race([reading, requestedEnd(options, reading)]);
  answer.freeze();
  await checkpoints.stop();
  const ending = {
    ...answer.progress(),
    ...end,
    files: answer.files(),
    isThreadRestarted: answer.isThreadRestarted(),
    isTakenBack: answer.isTakenBack(),
    firstTokenMs: msFrom(turn.createdAt, answer.firstTokenAt()),
    errorDetail: error === undefined ? null : upstreamMessageOf(error),
    lastEventId: options.lastEventId() + 1,
  };
  const { terminal, otherText } = await saveEnd(options, ending);
  if (otherText !== null && otherText !== ending.answer)
    options.append({ type: 'replaced', text: otherText });
  // The turn or its session can be deleted, because that stops the turn. Then nothing else has the conversation.
  if (terminal.outcome !== 'completed') late.name(ending.conversationId);
  late.end();
  return { terminal: withSentence(terminal, error), ending };
}

/** The clock of the process can be set back meanwhile. */
function msFrom(start: Date, endMs: number | null): number | null {
  return endMs === null ? null : Math.max(endMs - start.getTime(), 0);
}

/** Returns the event with the sentence of the error, if that says more than its code. */
function withSentence(terminal: TerminalEvent, error: ChatError | undefined): TerminalEvent {
  if (terminal.type !== 'failed' || terminal.code !== error?.code) return terminal;
  const { message } = error;
  return message === chatErrors[error.code].sentence ? terminal : { ...terminal, sentence: message };
}

/**
 * Saves a conversation that the upstream names after the end of the turn, e.g. after a stop that the upstream did
 * not see in time.
 */
function createLateConversation({ saveConversation }: Pick<PumpOptions, 'saveConversation'>) {
  let conversationId: string | undefined;
  let hasEnded = false;
  const save = () => {
    if (hasEnded && conversationId !== undefined) void saveConversation(conversationId);
  };
  return {
    name(id: string | undefined): void {
      conversationId = id ?? conversationId;
      save();
    },
    end(): void {
      hasEnded = true;
      save();
    },
  };
}

/** Saves a checkpoint. When the upstream's conversation becomes known, also saves it on the whole turn, once. */
function createSave(
  { turn, store, lastEventId, requestEnd }: PumpOptions,
  answer: Answer,
): () => Promise<void> {
  let isIdentified = false;
  return async () => {
    const isTakenBack = answer.isTakenBack();
    const progress = { ...answer.progress(), isTakenBack, lastEventId: lastEventId() };
    if (await store.checkpoint(turn.turnId, progress)) {
      const isTakenOver = await store.isTakenOver(turn.turnId);
      requestEnd(isTakenOver ? 'taken-over' : 'stop');
      if (isTakenOver) return;
    }
    if (isIdentified || progress.conversationId === undefined) return;
    await store.identify(turn.turnId, progress.conversationId);
    isIdentified = true;
  };
}

interface End extends Pick<TurnEnding, 'outcome' | 'errorCode' | 'usage'> {
  /** The error that ended the turn. */
  readonly error?: ChatError;
}

const stopped: End = { outcome: 'stopped', errorCode: null, usage: null };

/** Settles with the requested end: after `stopGraceMs` for a stop, and otherwise immediately. */
function requestedEnd({ endRequest, settings }: PumpOptions, reading: Promise<End>): Promise<End> {
  return new Promise((resolve) => {
    let timer: NodeJS.Timeout | undefined;
    const onRequest = () => {
      const reason = endRequest.reason as EndReason;
      if (reason === 'stop') {
        timer = setTimeout(() => resolve(stopped), settings.stopGraceMs);
      } else {
        const errorCode = reason === 'shutdown' ? 'server-stopping' : 'process-died';
        resolve({ outcome: 'interrupted', errorCode, usage: null });
      }
    };
    endRequest.addEventListener('abort', onRequest, { once: true });
    void reading.then(() => {
      clearTimeout(timer);
      endRequest.removeEventListener('abort', onRequest);
    });
  });
}

interface ReadingListener {
  readonly onProgress: () => void;
  /** Called with the conversation if the upstream names it after the turn has ended. */
  readonly onLateConversation: (conversationId: string | undefined) => void;
}

async function readToEnd(
  options: PumpOptions,
  answer: Answer,
  { onProgress, onLateConversation }: ReadingListener,
): Promise<End> {
  const { turn, log, endRequest } = options;
  const stopper = createStopper(options);
  try {
    await readWhole();
    return endRequest.reason === 'stop'
      ? { ...stopped, usage: answer.usage() }
      : { outcome: 'completed', errorCode: null, usage: answer.usage() };
  } catch (error) {
    const chatError = toChatError(error);
    const { code } = chatError;
    // After a stop, an error of the upstream does not matter: the user wanted the end.
    if (endRequest.reason === 'stop') return stopped;
    log.warn(`Turn ${turn.turnId} ends early: ${describeError(error)}`);
    const outcome = interruptions.has(code) ? 'interrupted' : 'failed';
    return { outcome, errorCode: code, usage: null, error: chatError };
  } finally {
    stopper.ended();
  }

  async function readWhole(): Promise<void> {
    try {
      await read(turn.thread.conversationId);
    } catch (error) {
      if (toChatError(error).code !== 'upstream-interrupted' || !(await isRecovered())) throw error;
      log.info(`Turn ${turn.turnId} broke off. The upstream has saved the whole answer.`);
    }
  }

  async function read(conversationId: string | null): Promise<void> {
    let hasBegun = false;
    try {
      await options.ask(conversationId, (events) => {
        for (const event of events) take(event);
        if (events[0]?.type === 'queued') return;
        hasBegun = true;
        onProgress();
      });
    } catch (error) {
      // Somebody deleted the conversation in the upstream, which has generated nothing, so it is safe to ask again
      // in a new one. Otherwise the session could never continue.
      const isGone = toChatError(error).code === 'upstream-conversation-gone';
      if (!isGone || hasBegun || conversationId === null || options.endRequest.aborted) throw error;
      log.warn(
        `Turn ${turn.turnId}: the upstream no longer has the session's conversation. The turn continues in a new one.`,
      );
      answer.restartThread();
      await read(null);
    }
  }

  async function isRecovered(): Promise<boolean> {
    const { findAnswer } = options;
    if (findAnswer === undefined) return false;
    const { answer: text, ...ids } = answer.progress();
    const found = await recover({
      find: () => findAnswer({ answer: text, ...ids }),
      recoveryMs: options.settings.recoveryMs,
      signal: endRequest,
    });
    if (found === null) return false;
    const { messageId, conversationId, answer: whole, files = [] } = found;
    if (ids.messageId === undefined)
      take({ type: 'identified', taskId: undefined, messageId, conversationId });
    if (whole !== text) take({ type: 'delta', text: whole.slice(text.length) });
    const shown = new Set(answer.files().map(({ id }) => id));
    for (const file of files) if (!shown.has(file.id)) take({ type: 'file', file });
    return true;
  }

  function take(event: ReplyEvent): void {
    if (event.type === 'identified' && event.taskId !== undefined) stopper.identified(event.taskId);
    if (answer.isFrozen()) {
      // The turn has ended. The server reads on only because Dify needs a reader.
      if (event.type === 'identified') onLateConversation(event.conversationId);
      return;
    }
    if (event.type === 'file' && answer.files().length >= maxAnswerFiles) return;
    answer.take(event);
    if (event.type === 'identified') options.identify(event);
    if (event.type !== 'identified' && event.type !== 'completed') options.append(event);
    if (answer.isTooLong()) throw tooLong(options.settings);
  }
}

function tooLong({ maxAnswerChars }: TurnSettings): ChatError {
  const message = `The answer is longer than ${maxAnswerChars} characters. Raise CHAT_MAX_ANSWER_CHARS.`;
  return new ChatError('answer-too-long', { cause: new LoggableError('ANSWER_TOO_LONG', message) });
}

const stopPauseMs = doubling(500, 5_000);

/**
 * Sends the stop to the upstream when a stop is requested and the upstream's task id is known, in any order. Sends
 * it again until the reply has ended: it can refuse a stop, or accept it and go on.
 */
function createStopper({ turn, endRequest, stop, log }: PumpOptions) {
  let taskId: string | undefined;
  let stopping: AbortController | undefined;
  let hasEnded = false;
  const onKnown = () => {
    if (taskId === undefined || endRequest.reason !== 'stop' || stopping !== undefined) return;
    stopping = new AbortController();
    void stopUntilEnded(taskId, stopping.signal);
  };
  endRequest.addEventListener('abort', onKnown, { once: true });
  return {
    identified(id: string): void {
      taskId = id;
      onKnown();
    },
    ended(): void {
      hasEnded = true;
      stopping?.abort();
    },
  };

  async function stopUntilEnded(id: string, signal: AbortSignal): Promise<void> {
    for (let tries = 1; !hasEnded; tries += 1) {
      await stop(id).catch((error: unknown) => {
        if (tries === 1) log.warn(`Turn ${turn.turnId}: the stop request failed: ${describeError(error)}`);
      });
      await pause(stopPauseMs(tries), undefined, { signal }).catch(() => undefined);
    }
  }
}
