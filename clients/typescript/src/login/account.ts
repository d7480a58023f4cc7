import type { Http } from '../http/http.ts';
import type { Account, Body, Reply } from '../types.ts';
import { cookieOptions, type RefreshMode, type Renewal } from './renewal.ts';

/** The calls for an account and its login. */
export interface AccountCalls {
  /** Logs in by email or username. */
  login(credentials: Body<'logIn'>): Promise<Account>;
  /** Creates an account and logs in, unless its email must be confirmed first. */
  register(account: Body<'register'>): Promise<{ readonly user: Account; readonly isLoggedIn: boolean }>;
  /** Ends this login, or all logins of the account. The client forgets its tokens even if the server is away. */
  logout(options?: { readonly everywhere?: boolean }): Promise<void>;
  /** Returns the account of the token. */
  me(): Promise<Account>;
  /** Asks for a mail with a code. The reply does not say whether the account exists. */
  forgotPassword(request: Body<'forgotPassword'>): Promise<void>;
  /** Sets a new password by the code of the mail, and logs in. */
  resetPassword(reset: Body<'resetPassword'>): Promise<Account>;
  /** Sets a new password. All other logins of the account end. */
  changePassword(change: Body<'changePassword'>): Promise<Account>;
  /** Asks for another mail to confirm the email. */
  sendEmailConfirmation(request: Body<'sendEmailConfirmation'>): Promise<void>;
}

export interface AccountOptions {
  /** Sends no token. */
  readonly anonymous: Http;
  readonly http: Http;
  readonly renewal: Renewal;
  readonly mode: RefreshMode;
}

export function createAccountCalls({ anonymous, http, renewal, mode }: AccountOptions): AccountCalls {
  const post = (name: string, body: object) =>
    ({ method: 'POST', path: `/api/auth/${name}`, body, ...cookieOptions(mode) }) as const;

  async function login(credentials: Body<'logIn'>): Promise<Account> {
    return enter(await anonymous.json<Reply<'logIn'>>(post('local', credentials)));
  }

  async function enter({ user, ...tokens }: Reply<'logIn'>): Promise<Account> {
    await renewal.replace(tokens);
    return user;
  }

  /** In a project with the plugin, only a login sets the cookie. The other calls return the refresh token. */
  async function enterWith(password: string, reply: Reply<'logIn'>): Promise<Account> {
    const hasNoCookie = mode === 'cookie' && reply.refreshToken !== undefined;
    return hasNoCookie ? login({ identifier: reply.user.username, password }) : enter(reply);
  }

  return {
    login,
    async register(account) {
      const reply = await anonymous.json<Reply<'register'>>(post('local/register', account));
      if (!('jwt' in reply)) return { user: reply.user, isLoggedIn: false };
      return { user: await enterWith(account.password, reply), isLoggedIn: true };
    },
    async logout({ everywhere = false } = {}) {
      try {
        await http.json(post('logout', everywhere ? { scope: 'all' } : {}));
      } finally {
        await renewal.replace(null);
      }
    },
    me: () => http.json<Account>({ method: 'GET', path: '/api/users/me' }),
    forgotPassword: async (request) => anonymous.json(post('forgot-password', request)),
    resetPassword: async (reset) =>
      enterWith(reset.password, await anonymous.json<Reply<'logIn'>>(post('reset-password', reset))),
    changePassword: async (change) =>
      enterWith(change.password, await http.json<Reply<'logIn'>>(post('change-password', change))),
    sendEmailConfirmation: async (request) => anonymous.json(post('send-email-confirmation', request)),
  };
}
