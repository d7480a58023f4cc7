import type { Core } from '@strapi/strapi';
import { z } from 'zod';

import { chatVariables, settingNames } from '../chat/settings';
import { historyStoreSettingNames } from '../history/settings';
import {
  count,
  flag,
  parseVariables,
  servers,
  size,
  SettingsError,
  toBytes,
  valuesOf,
} from '../env/variables';

/** The name of the plugin in `config/plugins`. */
export const pluginName = 'character-chat';

/** Settings that only the plugin has, or that the application reads in `config/`. */
const shape = {
  AUTH_TOKENS_PER_USER: count(20, 1000, 0),
  AUTH_TOKENS_END_WITH_PASSWORD: flag(true),
  /** Default: unless the host compresses. */
  HTTP_COMPRESSION: z.stringbool('must be true or false').optional(),
  BODY_LIMIT: size.default('1mb').transform(toBytes),
  CARD_LIMIT: size.default('10mb').transform(toBytes),
  CHAT_API_PREFIX: z
    .string()
    .regex(/^[a-z][a-z\d]*(-[a-z\d]+)*$/u, 'must be one word of lower-case letters, digits and hyphens')
    .optional(),
  CHAT_PATHS_WITHOUT_API: flag(true),
  /** Whether the host's server has the chat page at `/chat/`. */
  CHAT_PAGE: flag(false),
  CHAT_PAGE_IMAGE_ORIGINS: servers,
};

export type PluginSettings = z.infer<z.ZodObject<typeof shape>>;

export const pluginSettingNames = Object.keys(shape);

const names = new Set([...settingNames, ...historyStoreSettingNames, ...pluginSettingNames]);

type Env = (name: string) => string | undefined;

/** Returns the variables of the environment. `config/plugins` can replace each one under the same name. */
export function readEnvironment(env: Env): Record<string, unknown> {
  return {
    ...chatVariables(env),
    ...valuesOf(env, [...historyStoreSettingNames, ...pluginSettingNames]),
  };
}

/** Returns the variables of the plugin as texts, as the environment has them. */
export function variablesOf(strapi: Core.Strapi): Record<string, unknown> {
  return toVariables(strapi.config.get<Record<string, unknown>>(`plugin::${pluginName}`, {}));
}

export function toVariables(given: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(given).map(([name, value]) => [name, toText(value)]));
}

/** @throws SettingsError which lists every problem. */
export function parsePluginSettings(variables: Readonly<Record<string, unknown>>): PluginSettings {
  const unknown = Object.keys(variables).filter((name) => !names.has(name));
  if (unknown.length > 0) {
    throw new SettingsError(unknown.map((name) => `${name} is no setting. Remove it from config/plugins`));
  }
  const settings = parseVariables(z.object(shape), variables);
  if (settings.CHAT_PAGE && settings.CHAT_API_PREFIX !== undefined) {
    throw new SettingsError(['CHAT_PAGE does not work with CHAT_API_PREFIX. Remove one of them']);
  }
  return settings;
}

function toText(value: unknown): unknown {
  if (Array.isArray(value)) return value.join(',');
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : value;
}
