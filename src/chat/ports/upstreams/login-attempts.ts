/** An account of an upstream, as the settings have it. */
export interface UpstreamAccount {
  readonly url: string;
  readonly email: string;
  readonly password: string;
}

/**
 * Keeps how logins to accounts ended, because upstreams lock an account after a few refusals. All processes share it,
 * and it outlives them. Changed settings are another account.
 */
export interface LoginAttempts {
  /**
   * Claims the next try. Only one process tries at a time. A try that its process does not end counts as failed.
   * @throws the error of the database. The caller must not log in then.
   */
  claim(account: UpstreamAccount): Promise<LoginClaim>;
  /** Forgets how earlier tries ended, so that the next one can begin. Does nothing while a process tries. */
  forget(account: UpstreamAccount): Promise<void>;
}

export type LoginClaim =
  /** The caller can log in now. It must save the result, but not because of an error of the database. */
  | { readonly state: 'claimed'; readonly end: (result: LoginResult) => Promise<void> }
  /** Another process is logging in. Its result comes soon. */
  | { readonly state: 'busy' }
  /** The next try is possible later. The status is that of the last failed try; null if its process has died. */
  | { readonly state: 'paused'; readonly upstreamStatus: number | null }
  /** The upstream has refused the account, and nobody has called `forget` since. */
  | { readonly state: 'refused'; readonly reason: LoginRefusal };

export interface LoginRefusal {
  readonly upstreamStatus: number;
  readonly upstreamCode: string;
}

export type LoginResult =
  | { readonly type: 'accepted' }
  | { readonly type: 'refused'; readonly reason: LoginRefusal }
  /** It may be a refusal. A pause follows, see `loginPauseMs`. */
  | { readonly type: 'failed'; readonly upstreamStatus: number }
  /** The upstream did not check the account, e.g. because it is down. The try does not count. */
  | { readonly type: 'unchecked' };
