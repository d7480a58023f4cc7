import type { UpstreamChoice } from '../model/character';
import type { Upstream, UpstreamProblem } from './upstream';

/**
 * An upstream with its id. The id names the kind and the app, e.g. `dify`, `dify-console:<app id>` or
 * `openai:key-<digest>`. Turns and sessions save it. It contains no key.
 */
export interface NamedUpstream {
  readonly id: string;
  readonly upstream: Upstream;
  /** The model that answers, for the history; null if it is unknown. */
  readonly model: string | null;
}

/** All upstreams of this server. */
export interface Upstreams {
  /**
   * Returns the upstream that answers for a character.
   * @throws ChatError `upstream-misconfigured` if the settings or the key for it are missing.
   */
  choose(choice: UpstreamChoice): Promise<NamedUpstream>;
  /** Returns the upstream with this id. Null if its settings or its key are missing. Null as id: the default one. */
  find(id: string | null): Promise<Upstream | null>;
  /** Returns how many questions wait to be sent. */
  waiting(): number;
  /** Returns what is wrong with the setup of an upstream, or null. See `Upstream.findProblem`. */
  findProblem(choice: UpstreamChoice): Promise<UpstreamProblem | null>;
}
