import { createAnswer, type Answer } from './answer';
import { createCheckpoints } from './checkpoints';
import type { ReplyEvent } from './dify/to-reply-event';
import { ChatError, isChatErrorCode, toChatError, type ChatErrorCode } from './errors';
import { describeError, type Log } from './log';
import type { TurnSettings } from './settings';
import type { NewTurn, TurnEnding, TurnProgress, TurnStore } from './stores';
import type { SavedTurn, TerminalEvent, TurnEvent } from './turn-event';

export interface PumpOptions {
  readonly turn: NewTurn;
  readonly settings: TurnSettings;
  readonly store: TurnStore;
  readonly log: Log;
  /** Puts the question to Dify, in this conversation or (null) in a new one. */
  readonly ask: (conversationId: string | null) => AsyncIterable<readonly ReplyEvent[]>;
  readonly identify: (ids: Pick<TurnProgress, 'messageId' | 'conversationId'>) => void;
  readonly append: (event: TurnEvent) => void;
}

/** Codes that say: the answer broke off, what had arrived is saved. Every other error is a failure. */
const interruptions: ReadonlySet<ChatErrorCode> = new Set(['upstream-interrupted', 'answer-too-long']);

/**
 * Reads one answer to its end, whoever is listening, and saves it. Everything that can go wrong becomes an ending:
 * this never rejects.
 * @returns the terminal event, once the end is saved.
 */
export async function pump(options: PumpOptions): Promise<TerminalEvent> {
  const { turn, settings, store, log } = options;
  const answer = createAnswer({ maxChars: settings.maxAnswerChars });
  const checkpoints = createCheckpoints({
    everyMs: settings.checkpointEveryMs,
    save: () => store.checkpoint(turn.turnId, answer.progress()),
    onFailed: (error) => log.warn(`Turn ${turn.turnId}: a checkpoint failed: ${describeError(error)}`),
  });

  const end = await readToEnd(options, answer, () => checkpoints.due());
  await checkpoints.stop();
  try {
    return toTerminalEvent(await store.close(turn.turnId, { ...answer.progress(), ...end }));
  } catch (error) {
    log.error(`Turn ${turn.turnId}: its end could not be saved: ${describeError(error)}`);
    return { type: 'failed', outcome: 'failed', code: 'internal' };
  }
}

type End = Pick<TurnEnding, 'outcome' | 'errorCode' | 'usage'>;

async function readToEnd(options: PumpOptions, answer: Answer, onProgress: () => void): Promise<End> {
  const { turn, log } = options;
  try {
    await read(turn.session.conversationId);
    return { outcome: 'completed', errorCode: null, usage: answer.usage() };
  } catch (error) {
    const { code } = toChatError(error);
    log.warn(`Turn ${turn.turnId} ends early: ${describeError(error)}`);
    return { outcome: interruptions.has(code) ? 'interrupted' : 'failed', errorCode: code, usage: null };
  }

  async function read(conversationId: string | null): Promise<void> {
    let hasBegun = false;
    try {
      for await (const events of options.ask(conversationId)) {
        hasBegun = true;
        for (const event of events) take(event);
        onProgress();
      }
    } catch (error) {
      // Somebody deleted the conversation in Dify. As nothing was generated, asking again in a new one is safe, and
      // better than a session that can never go on.
      const isGone = toChatError(error).code === 'upstream-conversation-gone';
      if (!isGone || hasBegun || conversationId === null) throw error;
      log.warn(
        `Turn ${turn.turnId}: Dify no longer has the session's conversation; it goes on in a new one.`,
      );
      await read(null);
    }
  }

  function take(event: ReplyEvent): void {
    answer.take(event);
    if (event.type === 'identified') options.identify(event);
    if (event.type === 'delta' || event.type === 'replaced') options.append(event);
    if (answer.isTooLong()) throw new ChatError('answer-too-long');
  }
}

/** What was saved is what is told: if another process has ended the turn before, its end counts. */
function toTerminalEvent(saved: SavedTurn): TerminalEvent {
  const { outcome, errorCode } = saved[1];
  if (outcome === 'completed' || outcome === 'stopped') return { type: 'ended', outcome, saved };
  return {
    type: 'failed',
    outcome: outcome === 'interrupted' ? 'interrupted' : 'failed',
    code: isChatErrorCode(errorCode) ? errorCode : 'internal',
  };
}
