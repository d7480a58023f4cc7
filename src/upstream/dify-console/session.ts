import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';

import { ChatError } from '../../chat/errors';
import type {
  LoginAttempts,
  LoginClaim,
  LoginRefusal,
  LoginResult,
} from '../../chat/ports/upstreams/login-attempts';
import type { UpstreamProblem } from '../../chat/ports/upstream';
import type { DeadlineSettings } from '../../chat/settings';
import { fromDifyError } from '../dify/errors';
import { parseErrorBody, type DifyErrorBody } from '../dify/schema';
import { isRefusal, timeoutMs } from '../dify/short-reply';
import { isSuccess, type CallTarget } from '../http/call';
import { deadlinesOf } from '../http/deadlines';
import { parseJson } from '../http/parse-json';
import { shortCall, type ShortReply } from '../http/short-call';
import { unlessLeft } from '../http/unless-left';
import { toLogin, type Login } from './login';

export interface AccountSettings extends DeadlineSettings {
  /** E.g. `https://dify.example.com/console/api`. */
  readonly consoleUrl: string;
  readonly email: string;
  readonly password: string;
}

/**
 * The login of one account to Dify's console. Each process has its own, because Dify takes a refresh token only once.
 */
export interface ConsoleSession {
  /**
   * Runs `work` with a login. If `work` throws `LoginExpiredError`, renews the login and runs `work` once more.
   * @param leave ends the wait for a login. It does not end `work`.
   * @throws ChatError `upstream-…` if there is no login, and `server-stopping` if `leave` fires. Also throws the errors
   *   of `work`.
   */
  run<T>(work: (target: CallTarget) => Promise<T>, leave?: AbortSignal): Promise<T>;
  /** Returns why Dify refused the login; null if it did not. */
  problem(): UpstreamProblem | null;
}

/** Dify does not accept the tokens of a call. */
export class LoginExpiredError extends ChatError {
  constructor(error: DifyErrorBody) {
    super('upstream-misconfigured', { cause: fromDifyError(401, error).cause });
  }
}

/** Dify refuses an account with one of these. A proxy sends them, too, but without a code of Dify. */
const refusalStatuses: ReadonlySet<number> = new Set([400, 401, 403]);

/** How soon to look again whether another process has logged in. */
const busyPauseMs = 200;

type Claimed = Extract<LoginClaim, { state: 'claimed' }>;

export function createSession(settings: AccountSettings, logins: LoginAttempts): ConsoleSession {
  const { consoleUrl: apiUrl, email, password } = settings;
  const account = { url: apiUrl, email, password };
  let login: Login | undefined;
  let renewal: Promise<Login> | undefined;
  let refusal: LoginRefusal | undefined;

  return {
    async run(work, leave) {
      const used = login ?? (await unlessLeft(renew(undefined), leave));
      try {
        return await work(targetOf(used));
      } catch (error) {
        if (!(error instanceof LoginExpiredError)) throw error;
        return work(targetOf(await unlessLeft(renew(used), leave)));
      }
    },
    problem: () =>
      refusal === undefined ? null : { code: 'console-login-refused', message: remedyOf(refusal) },
  };

  function targetOf({ headers }: Pick<Login, 'headers'>): CallTarget {
    return { ...deadlinesOf(settings), apiUrl, headers };
  }

  /** Callers that wait at the same time share one renewal. */
  async function renew(used: Login | undefined): Promise<Login> {
    if (login !== undefined && login !== used) return login;
    renewal ??= obtain().finally(() => {
      renewal = undefined;
    });
    return renewal;
  }

  async function obtain(): Promise<Login> {
    const refreshed = login === undefined ? null : await refresh(login);
    login = undefined;
    login = refreshed ?? (await logIn());
    return login;
  }

  /** Returns null if Dify does not accept the refresh token, e.g. because it was used before. */
  async function refresh({ headers, refreshBody }: Login): Promise<Login | null> {
    const target = targetOf({ headers });
    const reply = await shortCall(target, timeoutMs, (call) => call.post('/refresh-token', refreshBody));
    if (reply.status >= 500 || reply.status === 429) throw toError(reply);
    return isSuccess(reply.status) ? toLogin(reply) : null;
  }

  async function logIn(): Promise<Login> {
    const claim = await claimTry();
    refusal = claim.state === 'refused' ? claim.reason : undefined;
    if (claim.state === 'refused') throw toRefusedError(claim.reason);
    if (claim.state === 'paused') throw toPausedError(claim.upstreamStatus);
    const reply = await postEither().catch(async (error: unknown) => {
      await save(claim, { type: 'unchecked' });
      throw error;
    });
    const given = isSuccess(reply.status) ? toLogin(reply) : null;
    const result = given === null ? toResult(reply) : ({ type: 'accepted' } as const);
    await save(claim, result);
    if (given !== null) return given;
    if (result.type !== 'refused') throw toError(reply);
    refusal = result.reason;
    throw toRefusedError(refusal);
  }

  /** Waits while another process tries, because its result decides whether this one can. */
  async function claimTry(): Promise<Exclude<LoginClaim, { state: 'busy' }>> {
    for (;;) {
      const claim = await logins.claim(account).catch((error: unknown) => {
        throw new ChatError('database-unavailable', { cause: error });
      });
      if (claim.state !== 'busy') return claim;
      await pause(busyPauseMs);
    }
  }

  /** Versions from about 1.11 on take Base64 only. They do not count a password that they cannot decode. */
  async function postEither(): Promise<ShortReply> {
    const plain = await postLogin(password);
    return isRefusal(plain, 401, 'authentication_failed')
      ? postLogin(Buffer.from(password).toString('base64'))
      : plain;
  }

  function postLogin(secret: string): Promise<ShortReply> {
    const body = { email, password: secret, language: 'en-US', remember_me: true };
    return shortCall(targetOf({ headers: {} }), timeoutMs, (call) => call.post('/login', body));
  }
}

function toError({ status, body }: ShortReply): ChatError {
  return fromDifyError(status, parseErrorBody(body));
}

const resultSchema = z.object({ result: z.literal('fail') });

/** Returns whether Dify has refused the account. Only Dify sends a code. Its 429 for too many requests passes. */
function isRefused(reply: ShortReply): boolean {
  const { status, body } = reply;
  if (isSuccess(status)) return resultSchema.safeParse(parseJson(body)).success;
  if (status === 429) return isLocked(reply);
  return status >= 400 && status < 500 && parseErrorBody(body).code !== undefined;
}

function isLocked(reply: ShortReply): boolean {
  return isRefusal(reply, 429, lockedCode);
}

const lockedCode = 'email_code_login_limit';

/** A result that cannot be saved counts as a failed try. The login itself does not depend on it. */
async function save(claim: Claimed, result: LoginResult): Promise<void> {
  await claim.end(result).catch(() => undefined);
}

/** Returns what a reply without a login says about the account. */
function toResult(reply: ShortReply): Exclude<LoginResult, { type: 'accepted' }> {
  const { status: upstreamStatus } = reply;
  if (isRefused(reply)) {
    const upstreamCode = isLocked(reply) ? lockedCode : 'login_refused';
    return { type: 'refused', reason: { upstreamStatus, upstreamCode } };
  }
  return refusalStatuses.has(upstreamStatus) ? { type: 'failed', upstreamStatus } : { type: 'unchecked' };
}

function toRefusedError(reason: LoginRefusal): ChatError {
  return new ChatError('upstream-misconfigured', { cause: { ...reason, remedy: remedyOf(reason) } });
}

function remedyOf({ upstreamCode }: LoginRefusal): string {
  const what =
    upstreamCode === lockedCode
      ? 'Dify has locked the account of the console for 24 hours, after five refused logins.'
      : 'Dify refused the login to its console.';
  return (
    `${what} Check the email and the password, then restart the server. ` +
    'If they are right by now, run the command "doctor --retry-login". ' +
    'No process logs in again until then, because Dify locks an account after five refused logins.'
  );
}

function toPausedError(status: number | null): ChatError {
  return status === null
    ? new ChatError('upstream-failed', { cause: { remedy: pausedRemedy } })
    : fromDifyError(status, {});
}

const pausedRemedy =
  'Logins to the console of Dify did not end. The server tries again within a day. ' +
  'Run the command "doctor --retry-login" to try now.';
