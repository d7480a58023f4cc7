import { createHash } from 'node:crypto';

import { LRUCache } from 'lru-cache';

import { ChatError } from '../chat/errors';
import { upstreamKinds, type UpstreamChoice, type UpstreamKind } from '../chat/model/character';
import { upstreamIdOf } from '../chat/model/session';
import type { UpstreamProblem } from '../chat/ports/upstream';
import type { UpstreamKeys } from '../chat/ports/upstream-keys';
import type { NamedUpstream, Upstreams } from '../chat/ports/upstreams';
import type { ChatSettings } from '../chat/settings';
import { createServers, isProblem, type UpstreamOrProblem } from './servers';

export interface UpstreamsOptions {
  readonly settings: Pick<ChatSettings, 'upstream' | 'dify' | 'console' | 'openai' | 'files'>;
  readonly keys: UpstreamKeys;
  /** Decrypts the key of a character. Returns null if that is not possible. */
  readonly unseal: (sealedKey: string) => string | null;
  readonly warn: (message: string) => void;
}

const maxKeys = 1_000;

/** Finds the upstream of a character, and that of a turn which names it. */
export function createUpstreams({ settings, keys, unseal, warn }: UpstreamsOptions): Upstreams {
  const servers = createServers({ settings, warn });
  /** Strapi warns each time that it cannot decrypt a key. */
  const opened = new LRUCache<string, string | typeof unreadable>({ max: maxKeys });
  const saved = new LRUCache<string, true>({ max: maxKeys });

  return {
    async choose(choice) {
      const named = name(choice);
      if ('code' in named)
        throw new ChatError('upstream-misconfigured', { cause: { remedy: named.message } });
      if (choice.sealedKey !== null && kindOf(choice) !== 'dify-console')
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
      const named = name(choice);
      const kind = choice.kind ?? settings.upstream;
      const isComplete = !('code' in named);
      const id = isComplete ? named.id : [kind, choice.appId].filter(Boolean).join(':');
      const shown = [id, choice.model].filter(Boolean).join(' ');
      const group = `${shown} ${isComplete ? keyDigestOf(choice) : named.code}`;
      return { kind, name: shown, group, isComplete };
    },
    async findProblem(choice, { promptChars } = {}) {
      const named = name(choice);
      if ('code' in named) return named;
      return named.upstream.findProblem({ model: choice.model ?? undefined, promptChars });
    },
  };

  function kindOf({ kind }: UpstreamChoice): UpstreamKind {
    return kind ?? settings.upstream;
  }

  function name(choice: UpstreamChoice): NamedUpstream | UpstreamProblem {
    const kind = kindOf(choice);
    const key = choice.sealedKey === null || kind === 'dify-console' ? null : open(choice.sealedKey);
    if (key === unreadable) return keyMissing;
    const upstream = kind === 'dify-console' ? servers.console(choice.appId) : servers[kind](key);
    if (isProblem(upstream)) return upstream;
    const model = choice.model ?? (kind === 'openai' ? settings.openai.model : null);
    if (kind === 'openai' && model === null) return modelMissing;
    return { id: toId(kind, choice, key), upstream, model };
  }

  function keyDigestOf({ sealedKey }: UpstreamChoice): string {
    const key = sealedKey === null ? unreadable : open(sealedKey);
    return key === unreadable ? '' : digestOf(key);
  }

  function open(sealedKey: string): string | typeof unreadable {
    const key = opened.get(sealedKey) ?? unseal(sealedKey) ?? unreadable;
    opened.set(sealedKey, key);
    return key;
  }

  /** @returns null if the id names a key that this server does not have any more. */
  async function findWithKey(
    kind: Exclude<UpstreamKind, 'dify-console'>,
    id: string,
    app: string | null,
  ): Promise<UpstreamOrProblem | null> {
    if (app === null) return servers[kind](null);
    const sealedKey = await keys.find(id);
    const key = sealedKey === null ? unreadable : open(sealedKey);
    return key === unreadable ? null : servers[kind](key);
  }

  async function saveKey(id: string, sealedKey: string): Promise<void> {
    const pair = `${id} ${sealedKey}`;
    if (saved.has(pair)) return;
    await keys.save(id, sealedKey);
    saved.set(pair, true);
  }
}

const unreadable = Symbol('a key that cannot be decrypted');

const keyMissing: UpstreamProblem = {
  code: 'key-missing',
  message:
    "The character's API key cannot be decrypted, because ENCRYPTION_KEY has changed or the character was imported. " +
    'Type the key into the character again.',
};

const modelMissing: UpstreamProblem = {
  code: 'model-missing',
  message: 'No model is chosen. Set OPENAI_MODEL, or type the name of a model into the character.',
};

/**
 * Returns the id of an upstream. An app that an editor has named keeps its id when its key is replaced, so its sessions
 * go on. All other keys are told apart by a digest.
 */
function toId(kind: UpstreamKind, { appId, sealedKey }: UpstreamChoice, key: string | null): string {
  if (kind === 'dify-console') return appId === null ? kind : `${kind}:${appId}`;
  if (sealedKey === null || key === null) return kind;
  return kind === 'dify' && appId !== null ? `${kind}:${appId}` : `${kind}:key-${digestOf(key)}`;
}

function digestOf(key: string): string {
  return createHash('sha256').update(`character-chat ${key}`).digest('hex').slice(0, 16);
}

function parseId(id: string): { readonly kind: UpstreamKind; readonly app: string | null } {
  const separator = id.indexOf(':');
  const name = separator === -1 ? id : id.slice(0, separator);
  const kind = upstreamKinds.find((known) => known === name) ?? 'dify';
  return { kind, app: separator === -1 ? null : id.slice(separator + 1) };
}
