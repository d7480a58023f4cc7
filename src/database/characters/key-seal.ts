import type { Core } from '@strapi/strapi';
import { LRUCache } from 'lru-cache';

import { upstreamKinds, type UpstreamKey } from '../../chat';

/**
 * Encrypts the API keys of characters with ENCRYPTION_KEY, for the database. The encrypted text also names the kind of
 * upstream, so that no key can be sent to another service than the one it was entered for.
 */
export interface KeySeal {
  /** Returns null without ENCRYPTION_KEY. */
  seal(key: UpstreamKey): string | null;
  /** Returns null if the text is no sealed key, or if another ENCRYPTION_KEY sealed it. Never throws. */
  unseal(sealed: string): UpstreamKey | null;
}

interface EncryptionService {
  encrypt(text: string): string | null;
  decrypt(encrypted: string): string | null;
}

/** Uses Strapi's encryption service (AES-256-GCM). Strapi must be loaded when the functions are called. */
export function createKeySeal(strapi: Core.Strapi): KeySeal {
  /** Strapi logs a warning for each of these, so each is tried once. */
  const unreadable = new LRUCache<string, true>({ max: 1_000 });
  const service = () => strapi.service('admin::encryption') as unknown as EncryptionService;
  const hasSecret = () => Boolean(strapi.config.get('admin.secrets.encryptionKey'));

  return {
    seal: ({ kind, key }) => (hasSecret() ? service().encrypt(`${kind} ${key}`) : null),
    unseal(sealed) {
      if (!hasSecret() || unreadable.has(sealed)) return null;
      const key = unsealWith(service(), sealed);
      if (key === null) unreadable.set(sealed, true);
      return key;
    },
  };
}

/** Strapi throws on a text that it has not encrypted. */
export function unsealWith(service: Pick<EncryptionService, 'decrypt'>, sealed: string): UpstreamKey | null {
  try {
    return parseKey(service.decrypt(sealed));
  } catch {
    return null;
  }
}

/** Parses the kind and the key. A key contains no space. */
function parseKey(text: string | null): UpstreamKey | null {
  const [name, key] = text?.split(' ') ?? [];
  const kind = upstreamKinds.find((known) => known === name);
  return kind === undefined || key === undefined ? null : { kind, key };
}
