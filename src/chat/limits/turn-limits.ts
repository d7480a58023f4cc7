import { ChatError, refusal, type RateLimit } from '../errors';
import { describeError, type Log } from '../shared/log';
import type { Owner } from '../model/owner';
import type { LimitSettings } from '../settings';
import { storedChars, type TextAllowance } from './text-allowance';
import { estimateTokens } from '../model/estimate-tokens';
import type { FinalOutcome, Usage } from '../model/outcome';
import type { UserCounters } from '../ports/users/user-counters';
import { noSharedPlaces, type SharedPlaces } from '../shared/places';

/** Decides which users may start a turn. Only the documentId identifies a user. */
export interface TurnLimits {
  /**
   * Takes a place for a turn in this process. It is synchronous, so concurrent requests cannot exceed the limit.
   * @throws ChatError `too-many-turns`, `server-busy`
   */
  admit(owner: Owner): Admission;
}

/** The place of one turn. The turn holds it from before it is saved until it has ended. */
export interface Admission {
  /**
   * Counts the turn of a question that is ready to be saved, and takes a place over all processes.
   * @returns the rest of this user's minute; null if turns per minute have no limit.
   * @throws ChatError `too-many-turns`, `rate-limited`, `token-limit-reached`, `text-limit-reached`
   */
  count(query: string): Promise<RateLimit | null>;
  /** Counts the tokens of a turn that has ended. Never rejects: the client gets its end even if the count fails. */
  spend(spent: SpentTokens): Promise<void>;
  /** Frees the place after the turn has ended. */
  release(): void;
  /** Frees the place of a turn that did not start, and takes back its count. */
  cancel(): void;
}

export interface SpentTokens {
  readonly outcome: FinalOutcome;
  readonly usage: Usage | null;
  /** The texts that the model has certainly read and written. Empty if the answer has no text. */
  readonly texts: readonly string[];
}

export interface TurnLimitsOptions {
  readonly settings: LimitSettings;
  readonly counters: UserCounters;
  readonly text: TextAllowance;
  /** Default: each process counts alone. */
  readonly places?: SharedPlaces | undefined;
  readonly log: Log;
}

/** Both rows of a turn hold the question. */
const rowsOfTurn = 2;

/** A guess: nobody knows how long an answer takes. */
const placeRetrySeconds = 5;

export function createTurnLimits({
  settings,
  counters,
  text,
  places = noSharedPlaces,
  log,
}: TurnLimitsOptions): TurnLimits {
  const { turnsPerMinute, tokensPerDay } = counters;
  const takePlace = createPlaces(settings);
  const { turnsAtOnce } = settings;
  return { admit };

  function admit({ documentId }: Owner): Admission {
    const releaseHere = takePlace(documentId);
    let releaseShared: (() => void) | null = null;
    const release = () => {
      releaseHere();
      releaseShared?.();
    };
    let counted: RateLimit | null = null;
    let chars = 0;
    return {
      async count(query) {
        if (turnsAtOnce > 0) {
          releaseShared = await places.take(`turns ${documentId}`, turnsAtOnce);
          if (releaseShared === null) throw tooManyTurns(turnsAtOnce);
        }
        // Count the turn last: a user without tokens or text left does not lose a turn of the minute.
        await assertTokensLeft(documentId);
        const taken = storedChars(query, rowsOfTurn);
        await text.take(documentId, taken);
        chars = taken;
        counted = await countTurn(documentId);
        return counted;
      },
      async spend(spent) {
        const tokens = totalTokens(spent);
        if (tokensPerDay === null || tokens === 0) return;
        await tokensPerDay.add(documentId, tokens).catch((error: unknown) => {
          log.error(`${tokens} token(s) of a user could not be counted: ${describeError(error)}`);
        });
      },
      release,
      cancel() {
        release();
        // A minute that has passed needs no refund. If the refund fails, the turn stays counted.
        if (counted !== null && counted.resetAtMs > Date.now()) {
          turnsPerMinute?.refund(documentId).catch(() => undefined);
        }
        counted = null;
        text.refund(documentId, chars);
        chars = 0;
      },
    };
  }

  async function assertTokensLeft(userDocumentId: string): Promise<void> {
    if (tokensPerDay === null) return;
    const rateLimit = await tokensPerDay.read(userDocumentId);
    if (rateLimit.remaining === 0) throw new ChatError('token-limit-reached', refusal(rateLimit));
  }

  async function countTurn(userDocumentId: string): Promise<RateLimit | null> {
    if (turnsPerMinute === null) return null;
    const { isAllowed, rateLimit } = await turnsPerMinute.count(userDocumentId);
    if (!isAllowed) throw new ChatError('rate-limited', refusal(rateLimit));
    return rateLimit;
  }
}

function tooManyTurns(limit: number): ChatError {
  const resetAtMs = Date.now() + placeRetrySeconds * 1000;
  return new ChatError('too-many-turns', refusal({ limit, remaining: 0, resetAtMs }));
}

/** Counts the turns of this process, including those that are being opened. It awaits nothing, so the limit holds. */
function createPlaces({ turnsAtOnce, maxLiveTurns }: LimitSettings): (userDocumentId: string) => () => void {
  const held = new Map<string, number>();
  let total = 0;

  return (userDocumentId) => {
    const own = held.get(userDocumentId) ?? 0;
    if (turnsAtOnce > 0 && own >= turnsAtOnce) {
      throw tooManyTurns(turnsAtOnce);
    }
    if (total >= maxLiveTurns) throw new ChatError('server-busy');
    held.set(userDocumentId, own + 1);
    total += 1;

    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      total -= 1;
      const left = (held.get(userDocumentId) ?? 0) - 1;
      if (left > 0) held.set(userDocumentId, left);
      else held.delete(userDocumentId);
    };
  };
}

/** Keeps wrong numbers from the upstream out of an integer column. No answer costs this many tokens. */
const maxTokens = 10_000_000;

/**
 * Returns the tokens of the usage. Without them, returns an estimate, so that a stop before the end saves no tokens.
 * Dify 1.x reports a usage of 0 for a stopped answer. The 0 of a whole answer is true: no model has answered.
 */
function totalTokens({ outcome, usage, texts }: SpentTokens): number {
  const reported = Math.ceil(Number(usage?.['total_tokens'] ?? 0));
  if (reported > 0) return Math.min(reported, maxTokens);
  if (outcome === 'completed' && usage !== null) return 0;
  return texts.reduce((sum, text) => sum + estimateTokens(text), 0);
}
