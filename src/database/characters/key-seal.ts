import type { Core } from '@strapi/strapi';
import { LRUCache } from 'lru-cache';

/** Encrypts the API keys of characters with ENCRYPTION_KEY, for the database. */
export interface KeySeal {
  /** Returns null without ENCRYPTION_KEY. */
  seal(key: string): string | null;
  /** Returns null if the text is no sealed key, or if another ENCRYPTION_KEY sealed it. Never throws. */
  unseal(sealed: string): string | null;
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
    seal: (key) => (hasSecret() ? service().encrypt(key) : null),
    unseal(sealed) {
      if (!hasSecret() || unreadable.has(sealed)) return null;
      const key = decrypt(service(), sealed);
      if (key === null) unreadable.set(sealed, true);
      return key;
    },
  };
}

/** Strapi throws on a text that it has not encrypted. */
function decrypt(service: EncryptionService, sealed: string): string | null {
  try {
    return service.decrypt(sealed);
  } catch {
    return null;
  }
}
