import path from 'node:path';

import type { Core } from '@strapi/strapi';

import { createKeySeal, type KeySeal } from '../../../src/database/characters/key-seal';

const { encrypt, decrypt } = jest.requireActual<{
  encrypt(text: string): string | null;
  decrypt(text: string): string | null;
}>(path.resolve('node_modules/@strapi/admin/dist/server/server/src/services/encryption.js'));

let warnings: string[];
beforeEach(() => (warnings = []));

/** Uses Strapi's real encryption service, which reads a global variable. */
function sealWith(encryptionKey: string): KeySeal {
  const strapi = {
    config: {
      get: (path: string) => (path === 'admin.secrets' ? { encryptionKey } : encryptionKey),
    },
    log: { warn: (message: string) => warnings.push(message) },
    service: () => ({ encrypt, decrypt }),
  };
  const use = <Result>(run: () => Result): Result => {
    Object.assign(globalThis, { strapi });
    return run();
  };
  const seal = createKeySeal(strapi as unknown as Core.Strapi);
  return { seal: (key) => use(() => seal.seal(key)), unseal: (sealed) => use(() => seal.unseal(sealed)) };
}

const key = { kind: 'dify', key: 'app-1' } as const;

describe('a key seal', () => {
  it('returns the key and the kind that it has sealed, and seals it differently each time', () => {
    const { seal, unseal } = sealWith('one');
    const [first, second] = [seal(key) ?? '', seal(key) ?? ''];
    expect(first).not.toBe(second);
    expect(first).not.toContain('app-1');
    expect([unseal(first), unseal(second)]).toEqual([key, key]);
  });

  it('returns null for a key that another ENCRYPTION_KEY has sealed, and logs that once', () => {
    const sealed = sealWith('one').seal(key) ?? '';
    const other = sealWith('two');
    expect([other.unseal(sealed), other.unseal(sealed), other.unseal(sealed)]).toEqual([null, null, null]);
    expect(warnings).toHaveLength(1);
  });

  it.each(['', 'app-1', 'v1', 'v1:', 'v1:a:b:c', 'v2:00:00:00', 'v1:zz:zz:zz', `v1:${'0'.repeat(32)}:00:00`])(
    'returns null for a text that is no sealed key: %j',
    (text) => {
      expect(sealWith('one').unseal(text)).toBeNull();
    },
  );

  it('returns null for a sealed text that names no kind of upstream', () => {
    for (const text of ['app-1', 'other app-1']) {
      expect(sealWith('one').unseal(encrypt(text) ?? '')).toBeNull();
    }
  });

  it('returns null without ENCRYPTION_KEY, and logs nothing', () => {
    const sealed = sealWith('one').seal(key) ?? '';
    const none = sealWith('');
    expect([none.seal(key), none.unseal(sealed)]).toEqual([null, null]);
    expect(warnings).toEqual([]);
  });
});
