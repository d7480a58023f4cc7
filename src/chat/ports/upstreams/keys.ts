import type { UpstreamKind } from '../../model/character';

/** An app that an editor has named in a character. */
export interface NamedApp {
  readonly kind: UpstreamKind;
  /** The documentId. */
  readonly characterId: string;
  readonly appId: string;
}

/**
 * Keeps the encrypted keys of the apps that have answered. A turn names its app, so that its answer can be rated there
 * after its character has changed to another one.
 */
export interface UpstreamKeys {
  /** Saves the key of an app, or replaces it. */
  save(upstreamId: string, sealedKey: string): Promise<void>;
  /** Returns the key with which an app has answered last, or null. */
  find(upstreamId: string): Promise<string | null>;
  /** Returns the key that the published character has for this app now, or null. */
  findPublished(app: NamedApp): Promise<string | null>;
}
