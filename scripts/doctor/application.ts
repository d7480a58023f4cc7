import { existsSync } from 'node:fs';
import path from 'node:path';

import { createStrapi } from '@strapi/strapi';

import { parseChatSettings, SettingsError, type ChatSettings, type UpstreamKey } from '../../src/chat';
import { unsealWith } from '../../src/database/characters/key-seal';
import type { MainDatabase } from '../main-database';

const root = path.resolve(__dirname, '..', '..');
const distDir = path.join(root, 'dist');

/** What the doctor needs of the application. */
export interface Application {
  readonly settings: ChatSettings;
  readonly database: MainDatabase;
  /** See `secretOf` of the server. */
  readonly secret: string;
  /** Decrypts the key of a character. Returns null if that is not possible. */
  unseal(sealedKey: string): UpstreamKey | null;
}

/** Settings with which the server does not start. The message says what to do. */
export class UnusableSettings extends Error {}

/**
 * Reads the configuration as the server does, from the environment and `.env`. It starts nothing, and opens no database.
 * @throws UnusableSettings
 */
export function readApplication(): Application {
  if (!existsSync(path.join(distDir, 'config', 'chat.js')))
    throw new UnusableSettings('The application is not built yet. Run npm run build.');
  try {
    const { config, log } = createStrapi({ appDir: root, distDir });
    // Strapi warns of a key that it cannot decrypt. The report says the same.
    log.silent = true;
    const settings = parseChatSettings(config.get('chat'));
    const database = config.get('database.connection') as MainDatabase;
    const [secret = ''] = config.get<string[]>('server.app.keys', []);
    return { settings, database, secret, unseal };
  } catch (error) {
    throw toUnusable(error);
  }
}

/** Strapi wraps the error of a file in config/, so the text is all that is left of a `SettingsError`. */
export function toUnusable(error: unknown): unknown {
  const [problems] = /The settings are not complete:.*/su.exec(String(error)) ?? [];
  if (error instanceof SettingsError) return new UnusableSettings(error.message);
  return problems === undefined ? error : new UnusableSettings(problems);
}

interface AdminPlugin {
  readonly services: { readonly encryption: { decrypt(sealed: string): string | null } };
}

/** Decrypts a key as Strapi does. It needs an earlier call of `createStrapi`. */
export function unseal(sealedKey: string): UpstreamKey | null {
  // The plugin needs `createStrapi` first. Its service is that of `strapi.service('admin::encryption')`.
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- it must not load before
  const { services } = require('@strapi/admin/strapi-server') as AdminPlugin;
  return unsealWith(services.encryption, sealedKey);
}
