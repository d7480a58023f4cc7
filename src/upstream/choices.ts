import { createHash } from 'node:crypto';

import { LRUCache } from 'lru-cache';

import type { UpstreamChoice, UpstreamKey, UpstreamKind } from '../chat/model/character';
import type { NamedApp } from '../chat/ports/upstreams/keys';
import type { UpstreamProblem } from '../chat/ports/upstream';
import type { ChatSettings } from '../chat/settings';

export interface ChoicesOptions {
  readonly settings: Pick<ChatSettings, 'upstream' | 'console'>;
  /** Decrypts the key of a character. Returns null if that is not possible. */
  readonly unseal: (sealedKey: string) => UpstreamKey | null;
}

/** Says what the choice of a character means, with the settings for what it leaves open. */
export interface Choices {
  kindOf(choice: UpstreamChoice): UpstreamKind;
  /** Returns the app that a choice names, or null. A name without a key names nothing in Dify's Service API. */
  appOf(choice: UpstreamChoice): string | null;
  /** Returns the key of the choice. Null: it has none, or its upstream needs none. */
  keyOf(choice: UpstreamChoice): string | UpstreamProblem | null;
  /**
   * Returns the id of its upstream. An app that an editor has named keeps its id when its key is replaced, so its
   * sessions go on. The name counts only for its character: two characters never share a key by the same name. All
   * other keys are told apart by a digest.
   */
  idOf(choice: UpstreamChoice): string;
  /** Names the upstream, the key and the model of the choice. */
  groupOf(choice: UpstreamChoice): string;
  /** Decrypts a key, once. Returns null if that is not possible, or if the key is for another kind of upstream. */
  openFor(kind: UpstreamKind, sealedKey: string): string | null;
}

const maxKeys = 1_000;

export function createChoices({ settings, unseal }: ChoicesOptions): Choices {
  /** Strapi warns each time that it cannot decrypt a key. */
  const opened = new LRUCache<string, UpstreamKey | typeof unreadable>({ max: maxKeys });
  return { kindOf, appOf, keyOf, idOf, groupOf, openFor };

  function kindOf({ kind }: UpstreamChoice): UpstreamKind {
    return kind ?? settings.upstream;
  }

  function appOf(choice: UpstreamChoice): string | null {
    const kind = kindOf(choice);
    if (kind === 'dify-console') return (choice.appId ?? settings.console.appId)?.toLowerCase() ?? null;
    return kind === 'dify' && choice.sealedKey !== null ? choice.appId : null;
  }

  function keyOf(choice: UpstreamChoice): string | UpstreamProblem | null {
    const kind = kindOf(choice);
    if (choice.sealedKey === null || kind === 'dify-console') return null;
    const key = open(choice.sealedKey);
    if (key === unreadable) return keyMissing;
    return key.kind === kind ? key.key : keyOfOther(key.kind, kind);
  }

  function idOf(choice: UpstreamChoice): string {
    const { characterId } = choice;
    const [kind, app, key] = [kindOf(choice), appOf(choice), keyOf(choice)];
    if (kind === 'dify-console') return `${kind}:${app}`;
    if (typeof key !== 'string') return kind;
    const name = app === null || characterId === null ? `key-${digestOf(key)}` : `${characterId}/${app}`;
    return `${kind}:${name}`;
  }

  function groupOf(choice: UpstreamChoice): string {
    const [kind, key] = [kindOf(choice), keyOf(choice)];
    const target = kind === 'dify-console' ? appOf(choice) : typeof key === 'string' && digestOf(key);
    return JSON.stringify([kind, target, choice.model]);
  }

  function openFor(kind: UpstreamKind, sealedKey: string): string | null {
    const key = open(sealedKey);
    return key === unreadable || key.kind !== kind ? null : key.key;
  }

  function open(sealedKey: string): UpstreamKey | typeof unreadable {
    const key = opened.get(sealedKey) ?? unseal(sealedKey) ?? unreadable;
    opened.set(sealedKey, key);
    return key;
  }
}

/** Returns the character and its app in the part of an id after the kind. See `Choices.idOf`. */
export function parseNamedApp(name: string): Pick<NamedApp, 'characterId' | 'appId'> | null {
  const [, characterId = '', appId = ''] = /^([^/]+)\/(.+)$/su.exec(name) ?? [];
  return appId === '' ? null : { characterId, appId };
}

const unreadable = Symbol('a key that cannot be decrypted');

function digestOf(key: string): string {
  return createHash('sha256').update(`character-chat ${key}`).digest('hex').slice(0, 16);
}

const keyMissing: UpstreamProblem = {
  code: 'key-missing',
  part: 'sealedKey',
  message:
    "The character's API key cannot be decrypted, because ENCRYPTION_KEY has changed or the character was imported. " +
    'Type the key into the character again.',
};

function keyOfOther(given: UpstreamKind, needed: UpstreamKind): UpstreamProblem {
  const message =
    `The character's API key was entered for ${given}, but ${needed} answers for the character. ` +
    `Type the key for ${needed} into the character, or empty the field.`;
  return { code: 'key-missing', part: 'sealedKey', message };
}
