import { LRUCache } from 'lru-cache';

import { ChatError } from '../chat/errors';
import { upstreamKinds, type UpstreamChoice, type UpstreamKind } from '../chat/model/character';
import { upstreamIdOf } from '../chat/model/session';
import type { LoginAttempts } from '../chat/ports/upstreams/login-attempts';
import type { UpstreamProblem } from '../chat/ports/upstream';
import type { UpstreamKeys } from '../chat/ports/upstreams/keys';
import type { NamedUpstream, Upstreams } from '../chat/ports/upstreams';
import type { ChatSettings } from '../chat/settings';
import type { SharedPlaces } from '../chat/shared/places';
import { createChoices, parseNamedApp, type ChoicesOptions } from './choices';
import { createServers, isProblem, type UpstreamOrProblem } from './servers';

export interface UpstreamsOptions extends ChoicesOptions {
  readonly settings: Pick<ChatSettings, 'upstream' | 'dify' | 'console' | 'openai' | 'files'>;
  readonly keys: UpstreamKeys;
  readonly logins: LoginAttempts;
  /** See `QueueOptions`. */
  readonly places?: SharedPlaces | undefined;
  readonly warn: (message: string) => void;
}

const maxKeys = 1_000;
/** Another process can have replaced or removed a saved key. So this process saves it again after this time. */
const savedForMs = 3_600_000;

/** Finds the upstream of a character, and that of a turn which names it. */
export function createUpstreams({
  settings,
  keys,
  logins,
  unseal,
  places,
  warn,
}: UpstreamsOptions): Upstreams {
  const servers = createServers({ settings, logins, places, warn });
  const choices = createChoices({ settings, unseal });
  /** The sealed keys by the id of their upstream. */
  const saved = new LRUCache<string, string>({ max: maxKeys, ttl: savedForMs });

  return {
    async choose(choice) {
      const named = name(choice);
      if (isProblem(named))
        throw new ChatError('upstream-misconfigured', { cause: { remedy: named.message } });
      if (choice.sealedKey !== null && choices.kindOf(choice) !== 'dify-console')
        await saveKey(named.id, choice.sealedKey);
      return named;
    },
    async find(savedId) {
      const id = upstreamIdOf(savedId);
      const { kind, app } = parseId(id);
      const upstream = kind === 'dify-console' ? servers.console(app) : await findWithKey(kind, id, app);
      return upstream === null || isProblem(upstream) ? null : upstream;
    },
    waiting: servers.waiting,
    identify(choice) {
      const kind = choices.kindOf(choice);
      const named = name(choice);
      const isComplete = !isProblem(named);
      const app = choices.appOf(choice);
      const id = app === null && isComplete ? named.id : [kind, app].filter(Boolean).join(':');
      const shown = [id, choice.model].filter(Boolean).join(' ');
      const group = isComplete ? choices.groupOf(choice) : `${shown} ${named.code}`;
      return { kind, name: shown, group, isComplete };
    },
    findGap(choice) {
      const named = name(choice);
      return isProblem(named) ? named : null;
    },
    promptLimitOf(choice) {
      const named = name(choice);
      return isProblem(named) ? null : (named.upstream.promptLimit ?? null);
    },
    async findProblem(choice, { promptChars } = {}) {
      const named = name(choice);
      if (isProblem(named)) return named;
      return named.upstream.findProblem({ model: choice.model ?? undefined, promptChars });
    },
  };

  function name(choice: UpstreamChoice): NamedUpstream | UpstreamProblem {
    const kind = choices.kindOf(choice);
    const key = choices.keyOf(choice);
    if (typeof key === 'object' && key !== null) return key;
    const upstream = kind === 'dify-console' ? servers.console(choices.appOf(choice)) : servers[kind](key);
    if (isProblem(upstream)) return upstream;
    const model = choice.model ?? (kind === 'openai' ? settings.openai.model : null);
    if (kind === 'openai' && model === null) return modelMissing;
    return { id: choices.idOf(choice), upstream, model };
  }

  /**
   * Finds the upstream of a turn. A named app can have another key by now, with which it has not answered yet.
   * @returns null if the id names a key that this server does not have any more.
   */
  async function findWithKey(
    kind: Exclude<UpstreamKind, 'dify-console'>,
    id: string,
    app: string | null,
  ): Promise<UpstreamOrProblem | null> {
    if (app === null) return servers[kind](null);
    const named = parseNamedApp(app);
    const published = named && (await keys.findPublished({ kind, ...named }));
    const sealedKey = published ?? (await keys.find(id));
    const key = sealedKey === null ? null : choices.openFor(kind, sealedKey);
    return key === null ? null : servers[kind](key);
  }

  async function saveKey(id: string, sealedKey: string): Promise<void> {
    if (saved.get(id) === sealedKey) return;
    await keys.save(id, sealedKey);
    saved.set(id, sealedKey);
  }
}

const modelMissing: UpstreamProblem = {
  code: 'model-missing',
  part: 'model',
  message: 'No model is chosen. Set OPENAI_MODEL, or type the name of a model into the character.',
};

function parseId(id: string): { readonly kind: UpstreamKind; readonly app: string | null } {
  const separator = id.indexOf(':');
  const name = separator === -1 ? id : id.slice(0, separator);
  const kind = upstreamKinds.find((known) => known === name) ?? 'dify';
  return { kind, app: separator === -1 ? null : id.slice(separator + 1) };
}
