import { z } from 'zod';

import { ChatError } from '../../chat/errors';
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

/** A refused login is final: after five of them, Dify locks the account for 24 hours. */
interface Refusal {
  readonly upstreamStatus: number;
  readonly upstreamCode: string;
  readonly remedy: string;
}

/** A refused login without a code of Dify, e.g. from a proxy. */
interface Setback {
  readonly error: ChatError;
  readonly tries: number;
  /** As `Date.now()`. */
  readonly retryAtMs: number;
}

/** Dify refuses an account with one of these. */
const refusalStatuses: ReadonlySet<number> = new Set([400, 401, 403]);

const minutes = 60_000;
/**
 * The pauses after such refusals. A proxy can hide that Dify has counted the login as refused. So there are at most four
 * tries a day, because the fifth one would lock the account.
 */
const pausesMs = [5 * minutes, 20 * minutes, 80 * minutes];
const longestPauseMs = 24 * 60 * minutes;

export function createSession(settings: AccountSettings): ConsoleSession {
  const { consoleUrl: apiUrl, email, password } = settings;
  let login: Login | undefined;
  let renewal: Promise<Login> | undefined;
  let refusal: Refusal | undefined;
  let setback: Setback | undefined;

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
      refusal === undefined ? null : { code: 'console-login-refused', message: refusal.remedy },
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
    if (refusal !== undefined) throw new ChatError('upstream-misconfigured', { cause: refusal });
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
    if (setback !== undefined && Date.now() < setback.retryAtMs) throw setback.error;
    const plain = await postLogin(password);
    // Versions from about 1.11 on take Base64 only. They do not count a password that they cannot decode.
    const reply = isRefusal(plain, 401, 'authentication_failed')
      ? await postLogin(Buffer.from(password).toString('base64'))
      : plain;
    const given = isSuccess(reply.status) ? toLogin(reply) : null;
    if (given !== null) {
      setback = undefined;
      return given;
    }
    if (isRefused(reply)) {
      refusal = toRefusal(reply);
      throw new ChatError('upstream-misconfigured', { cause: refusal });
    }
    const error = toError(reply);
    if (refusalStatuses.has(reply.status)) setBack(error);
    throw error;
  }

  function setBack(error: ChatError): void {
    const tries = (setback?.tries ?? 0) + 1;
    setback = { error, tries, retryAtMs: Date.now() + (pausesMs[tries - 1] ?? longestPauseMs) };
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
  return isRefusal(reply, 429, 'email_code_login_limit');
}

function toRefusal(reply: ShortReply): Refusal {
  const hasLocked = isLocked(reply);
  const what = hasLocked
    ? 'Dify has locked the account of the console for 24 hours, after five refused logins.'
    : 'Dify refused the login to its console.';
  return {
    upstreamStatus: reply.status,
    upstreamCode: hasLocked ? 'email_code_login_limit' : 'login_refused',
    remedy:
      `${what} Check the email and the password, then restart the server. ` +
      'The server does not log in again until then, because Dify locks an account after five refused logins.',
  };
}
