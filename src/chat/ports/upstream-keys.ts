/**
 * Keeps the encrypted keys of the apps that have answered. A turn names its app, so that its answer can be rated there
 * after its character has changed to another one.
 */
export interface UpstreamKeys {
  /** Saves the key of an app, or replaces it. */
  save(upstreamId: string, sealedKey: string): Promise<void>;
  /** Returns the newest key of an app, or null. */
  find(upstreamId: string): Promise<string | null>;
}
