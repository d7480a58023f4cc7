import { LRUCache } from 'lru-cache';

import type { LoginAttempts } from '../chat/ports/upstreams/login-attempts';
import type { Upstream, UpstreamProblem } from '../chat/ports/upstream';
import type { ChatSettings } from '../chat/settings';
import type { SharedPlaces } from '../chat/shared/places';
import { createQueue } from './dify/ask-in-turn';
import type { AnswerQueue } from './dify/answer-queue';
import { createDifyClient } from './dify/client';
import { createDifyConsole, type DifyConsole } from './dify-console/console';
import { deadlinesOf } from './http/deadlines';
import { createOpenAiClient } from './openai/client';

export interface ServersOptions {
  readonly settings: Pick<ChatSettings, 'dify' | 'console' | 'openai' | 'files'>;
  readonly logins: LoginAttempts;
  /** See `QueueOptions`. */
  readonly places?: SharedPlaces | undefined;
  readonly warn: (message: string) => void;
}

export type UpstreamOrProblem = Upstream | UpstreamProblem;

/** The servers that the settings name. Each method returns a problem if the settings of its server are missing. */
export interface Servers {
  /** Returns the app of Dify's Service API with this key. Null: with the key of the settings. */
  dify(key: string | null): UpstreamOrProblem;
  /** Returns this app in Dify's console. Null: no app is chosen, which is a problem. */
  console(appId: string | null): UpstreamOrProblem;
  /** Returns the OpenAI-compatible server, asked with this key. Null: with the key of the settings, or with none. */
  openai(key: string | null): UpstreamOrProblem;
  /** Returns how many questions wait to be sent. */
  waiting(): number;
}

export const isProblem = (found: object): found is UpstreamProblem => 'code' in found;

const maxClients = 1_000;

export function createServers({ settings, logins, places, warn }: ServersOptions): Servers {
  const { dify, console: account, openai, files } = settings;
  const fileHosts = files.hosts;
  const clients = new LRUCache<string, Upstream>({ max: maxClients });
  const queues = createQueues({ settings, places, warn });
  let difyConsole: DifyConsole | undefined;

  return {
    dify(given) {
      const apiKey = given ?? dify.apiKey;
      const { apiUrl } = dify;
      if (apiUrl === null) return missing('DIFY_API_URL', { part: 'kind' });
      if (apiKey === null)
        return missing('DIFY_API_KEY', {
          part: 'sealedKey',
          alternative: 'Or type the key of the app into the character.',
        });
      return client(`dify ${apiKey}`, () =>
        createDifyClient({
          settings: { ...dify, apiUrl, apiKey },
          fileHosts,
          warn,
          queue: queues.of(apiUrl),
        }),
      );
    },
    console(appId) {
      const { url: consoleUrl, email, password } = account;
      if (consoleUrl === null || email === null || password === null)
        return missing('DIFY_CONSOLE_URL', { part: 'kind' });
      if (appId === null)
        return missing('DIFY_CONSOLE_APP_ID', {
          part: 'appId',
          alternative: 'Or type the id of the app into the character.',
        });
      difyConsole ??= createDifyConsole({
        settings: { ...dify, consoleUrl, email, password },
        logins,
        fileHosts,
        warn,
        queue: queues.of(consoleUrl),
      });
      const { app } = difyConsole;
      return client(`dify-console ${appId}`, () => app(appId));
    },
    openai(given) {
      const { baseUrl, model, historyTokens, firstByteTimeoutMs, idleTimeoutMs } = openai;
      const apiKey = given ?? openai.apiKey ?? '';
      if (baseUrl === null) return missing('OPENAI_BASE_URL', { part: 'kind' });
      const deadlines = { ...deadlinesOf(dify), firstByteTimeoutMs, idleTimeoutMs };
      const server = { ...deadlines, maxFrameChars: dify.maxFrameChars, baseUrl, historyTokens };
      return client(`openai ${apiKey}`, () =>
        createOpenAiClient({ settings: { ...server, apiKey, model: model ?? '' }, warn }),
      );
    },
    waiting: queues.waiting,
  };

  function client(name: string, create: () => Upstream): Upstream {
    const existing = clients.get(name);
    if (existing !== undefined) return existing;
    const created = create();
    clients.set(name, created);
    return created;
  }
}

/** All apps of one Dify share its connections, and so they share a queue. */
function createQueues({ settings: { dify }, places, warn }: Omit<ServersOptions, 'logins'>) {
  const queues = new Map<string, AnswerQueue>();
  return {
    of(apiUrl: string): AnswerQueue {
      const { host } = new URL(apiUrl);
      const queue = queues.get(host) ?? createQueue({ settings: { ...dify, apiUrl }, places, warn });
      queues.set(host, queue);
      return queue;
    },
    waiting: () => [...queues.values()].reduce((sum, queue) => sum + queue.waiting(), 0),
  };
}

interface Missing {
  readonly part: NonNullable<UpstreamProblem['part']>;
  readonly alternative?: string;
}

function missing(variable: string, { part, alternative = '' }: Missing): UpstreamProblem {
  const message = `The settings of this upstream are missing. Set ${variable}. ${alternative}`.trim();
  return { code: 'settings-missing', message, part };
}
