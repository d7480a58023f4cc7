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
