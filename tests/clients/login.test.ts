import {
  createClient,
  memoryStorage,
  tabStorage,
  webStorage,
  type ClientOptions,
} from '../../clients/typescript/src/index';
import { password } from '../support/admin';
import { startApp, type App } from '../support/app';

let app: App;
let users = 0;

// A login with a cookie needs HTTPS, which a proxy before the server ends.
beforeAll(async () => {
  app = await startApp({ env: { IS_PROXIED: 'true' } });
});
afterAll(() => app.stop());

/** Registers a user by the client itself. */
async function createUser(options: Partial<ClientOptions> = {}) {
  users += 1;
  const name = `client${users}`;
  const created = createClient({ baseUrl: app.url, ...options });
  await created.register({ username: name, email: `${name}@example.com`, password });
  return created;
}

/** Sends requests as a browser behind HTTPS, which keeps cookies. It counts the requests of each path. */
function createBrowser() {
  let cookie = '';
  const counts = new Map<string, number>();
  const send: typeof fetch = async (url, init = {}) => {
    const { pathname } = new URL(url instanceof Request ? url.url : url);
    counts.set(pathname, (counts.get(pathname) ?? 0) + 1);
    const headers = new Headers(init.headers);
    headers.set('X-Forwarded-Proto', 'https');
    const mayUseCookies = init.credentials === 'include';
    if (mayUseCookies && cookie !== '') headers.set('Cookie', cookie);
    const response = await fetch(url, { ...init, headers });
    const sets = response.headers.getSetCookie();
    if (mayUseCookies && sets.length > 0) cookie = sets.map((set) => set.split(';')[0]).join('; ');
    return response;
  };
  return { send, count: (path: string) => counts.get(path) ?? 0, cookie: () => cookie };
}

describe('an account', () => {
  it('logs in, shows itself and logs out', async () => {
    const storage = memoryStorage();
    const user = await createUser({ storage });
    const { username } = await user.me();
    await user.logout();
    expect(await storage.load()).toBeNull();
    await expect(user.me()).rejects.toMatchObject({ name: 'ApiError', status: 401, code: 'unauthorized' });

    await user.login({ identifier: username, password });
    expect(await user.me()).toMatchObject({ username });
  });

  it('gets a typed error for a wrong password', async () => {
    const wrong = createClient({ baseUrl: app.url }).login({
      identifier: 'nobody',
      password: 'Wrong-password',
    });
    await expect(wrong).rejects.toMatchObject({
      name: 'ApiError',
      status: 400,
      code: null,
      message: 'Invalid identifier or password',
    });
  });

  it('stays logged in here after a new password', async () => {
    const [here, elsewhere] = [await createUser(), createClient({ baseUrl: app.url })];
    const { username } = await here.me();
    await elsewhere.login({ identifier: username, password });
    const next = 'Another-passw0rd';
    await here.changePassword({ currentPassword: password, password: next, passwordConfirmation: next });

    expect(await here.me()).toMatchObject({ username });
    await expect(elsewhere.me()).rejects.toMatchObject({ status: 401 });
  });
});

describe('the renewal of a login', () => {
  it('is shared by requests that are refused together, and sends each of them again', async () => {
    const storage = memoryStorage();
    const { send, count } = createBrowser();
    const seen: unknown[] = [];
    const user = await createUser({ storage, fetch: send, onTokens: (tokens) => seen.push(tokens) });
    await storage.save({ ...(await storage.load()), jwt: 'expired' });
    const accounts = await Promise.all([
      user.me(),
      user.me(),
      user.me(),
      user.sessions.create().then(() => user.me()),
    ]);

    expect(new Set(accounts.map(({ id }) => id)).size).toBe(1);
    expect(count('/api/auth/refresh')).toBe(1);
    expect(seen).toHaveLength(2);
    expect(seen.at(-1)).toEqual(await storage.load());
  });

  it('fails once the login has ended, and says so', async () => {
    const storage = memoryStorage();
    const seen: unknown[] = [];
    const user = await createUser({ storage, onTokens: (tokens) => seen.push(tokens) });
    await storage.save({ jwt: 'expired', refreshToken: 'expired' });
    await expect(user.me()).rejects.toMatchObject({ status: 401 });
    expect([await storage.load(), seen.at(-1)]).toEqual([null, null]);
  });

  it('happens once for two tabs that share a storage', async () => {
    const items = new Map<string, string>();
    const storage = webStorage({
      getItem: (key) => items.get(key) ?? null,
      setItem: (key, value) => void items.set(key, value),
      removeItem: (key) => void items.delete(key),
    });
    const { send, count } = createBrowser();
    const tab = await createUser({ storage, fetch: send });
    const other = createClient({ baseUrl: app.url, storage, fetch: send });
    await storage.save({ ...(await storage.load()), jwt: 'expired' });
    const { id } = await tab.me();

    expect((await other.me()).id).toBe(id);
    expect(count('/api/auth/refresh')).toBe(1);
  });

  it('works with a refresh token in a cookie that the page cannot read', async () => {
    const [storage, browser] = [memoryStorage(), createBrowser()];
    const options = { baseUrl: app.url, refresh: 'cookie', fetch: browser.send } as const;
    const user = await createUser({ ...options, storage });
    const { id } = await user.me();
    expect(Object.keys((await storage.load()) ?? {})).toEqual(['jwt']);
    expect(browser.cookie()).not.toBe('');

    // The page is loaded again, so the client knows no token.
    const reloaded = createClient(options);
    expect((await reloaded.me()).id).toBe(id);
    await reloaded.logout();
    await expect(createClient(options).me()).rejects.toMatchObject({ status: 401 });
  });
});

describe('a login of all tabs of a browser', () => {
  /** What `localStorage` has, for all tabs. */
  function createFacts() {
    const facts = new Map<string, string>();
    return {
      all: facts,
      getItem: (key: string) => facts.get(key) ?? null,
      setItem: (key: string, value: string) => void facts.set(key, value),
      removeItem: (key: string) => void facts.delete(key),
    };
  }

  /** Opens a tab, which resolves `changed` at the next change of its tokens. */
  function openTab(name: string, facts: ReturnType<typeof createFacts>, send: typeof fetch) {
    const storage = tabStorage(name, facts);
    let onTokens: ClientOptions['onTokens'];
    const client = createClient({
      baseUrl: app.url,
      refresh: 'cookie',
      storage,
      fetch: send,
      onTokens: (tokens) => onTokens?.(tokens),
    });
    const changed = () => new Promise<unknown>((resolve) => (onTokens = resolve));
    return { storage, client, changed };
  }

  it('begins, is renewed and ends in one tab for all of them', async () => {
    const [facts, { send, count }] = [createFacts(), createBrowser()];
    const [tab, other] = [openTab('one', facts, send), openTab('one', facts, send)];
    let changed = other.changed();
    const { user } = await tab.client.register({
      username: 'tabs',
      email: 'tabs@example.com',
      password,
    });
    expect(await changed).toEqual(await tab.storage.load());
    expect((await other.client.me()).id).toBe(user.id);
    // A registration needs no login after it.
    expect(count('/api/auth/local')).toBe(0);

    await tab.storage.save({ jwt: 'expired' });
    changed = other.changed();
    await tab.client.me();
    await changed;
    expect((await other.client.me()).id).toBe(user.id);
    expect(count('/api/auth/refresh')).toBe(1);

    changed = other.changed();
    await tab.client.logout();
    expect(await changed).toBeNull();
    await expect(other.client.me()).rejects.toMatchObject({ status: 401 });
    expect(count('/api/auth/refresh')).toBe(1);
  });

  it('comes back in a new tab by the cookie, and leaves no token in localStorage', async () => {
    const [facts, { send, count }] = [createFacts(), createBrowser()];
    const { client } = openTab('first', facts, send);
    const { user } = await client.register({ username: 'tab', email: 'tab@example.com', password });
    expect([...facts.all.values()]).toEqual(['true']);

    // No other tab is open to ask for the token.
    const { id } = await openTab('later', createCopy(facts), send).client.me();
    expect([id, count('/api/users/me'), count('/api/auth/refresh')]).toEqual([user.id, 1, 1]);

    function createCopy(before: typeof facts) {
      const copy = createFacts();
      for (const value of before.all.values()) copy.setItem('later.login', value);
      return copy;
    }
  });

  it('is not renewed where nobody has logged in', async () => {
    const { send, count } = createBrowser();
    const { client, storage } = openTab('nobody', createFacts(), send);
    await expect(client.me()).rejects.toMatchObject({ status: 401 });
    expect([storage.hasLogin(), count('/api/auth/refresh')]).toEqual([false, 0]);
  });
});
