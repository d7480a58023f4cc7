import type { UpstreamChoice } from '../model/character';

/** What the check of the upstreams needs to know about a published character. */
export interface PublishedCharacter {
  readonly name: string;
  readonly upstream: UpstreamChoice;
  /** The length of its prompt in Unicode characters. */
  readonly promptChars: number;
}

/** Reads the published characters that have a prompt, in pages. */
export type ReadPublished = () => AsyncIterable<readonly PublishedCharacter[]>;

/** Reads a text that changes when a published character does, also by another process. It is cheaper than all of them. */
export type ReadPublishedVersion = () => Promise<string>;
