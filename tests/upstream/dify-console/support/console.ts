import type { LoginAttempts } from '../../../../src/chat/ports/upstreams/login-attempts';
import type { Upstream } from '../../../../src/chat/ports/upstream';
import { createDifyConsole, type ConsoleSettings } from '../../../../src/upstream/dify-console/console';
import { difySettings } from '../../../chat/support/dify';
import { createMemoryLoginAttempts } from '../../../chat/support/memory-login-attempts';
import type { DifyEmulator } from '../../../dify-emulator';

/** The settings of an account, with long timeouts. */
export function consoleSettings(
  dify: Pick<DifyEmulator, 'url' | 'account'>,
  overrides: Partial<ConsoleSettings> = {},
): ConsoleSettings {
  const { apiKey: _key, apiUrl: _url, ...settings } = difySettings({ url: dify.url, apiKey: '' });
  const { email, password } = dify.account;
  return { ...settings, consoleUrl: `${dify.url}/console/api`, email, password, ...overrides };
}

export function appIdOf(dify: Pick<ConsoleOwner, 'apps'>, key = 'app-emulated-chat'): string {
  const id = dify.apps.find((app) => app.key === key)?.id;
  if (id === undefined) throw new Error(`The emulator has no app ${key}.`);
  return id;
}

/** Returns the upstream of one app of the emulator. */
export function consoleUpstream(
  dify: ConsoleOwner,
  {
    overrides = {},
    key = 'app-emulated-chat',
    warnings = [],
    logins = createMemoryLoginAttempts(),
  }: ConsoleOf = {},
): Upstream {
  const settings = consoleSettings(dify, overrides);
  const warn = (message: string) => warnings.push(message);
  return createDifyConsole({ settings, logins, warn }).app(appIdOf(dify, key));
}

type ConsoleOwner = Pick<DifyEmulator, 'url' | 'account'> & {
  readonly apps: readonly { readonly id: string; readonly key: string }[];
};

interface ConsoleOf {
  readonly overrides?: Partial<ConsoleSettings>;
  readonly key?: string;
  readonly warnings?: string[];
  /** Default: those of one process. */
  readonly logins?: LoginAttempts;
}

/** Returns the received requests to addresses that end so. */
export function requestsTo(dify: DifyEmulator, end: string) {
  return dify.requests.filter(({ path }) => new URL(path, dify.url).pathname.endsWith(end));
}
