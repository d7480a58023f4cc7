import type { UpstreamChoice, UpstreamKind } from '../model/character';
import type { CharacterNeeds, PromptLimit, Upstream, UpstreamProblem } from './upstream';

/**
 * An upstream with its id. The id names the kind and the app, e.g. `dify`, `dify:<character id>/<app id>`,
 * `dify-console:<app id>` or `openai:key-<digest>`. Turns and sessions save it. It contains no key.
 */
export interface NamedUpstream {
  readonly id: string;
  readonly upstream: Upstream;
  /** The model that answers, for the history; null if it is unknown. */
  readonly model: string | null;
}

/** Who a choice names, even if its settings or its key are missing. */
export interface UpstreamIdentity {
  readonly kind: UpstreamKind;
  /** The id of the upstream, and the model if the choice has one. */
  readonly name: string;
  /** Choices of the same group have the same upstream, key and model. It contains no key. */
  readonly group: string;
  /** Whether the settings and the key for it exist. */
  readonly isComplete: boolean;
}

/** All upstreams of this server. */
export interface Upstreams {
  /**
   * Returns the upstream that answers for a character.
   * @throws ChatError `upstream-misconfigured` if the settings or the key for it are missing.
   */
  choose(choice: UpstreamChoice): Promise<NamedUpstream>;
  /** Returns the upstream with this id. Null if its settings or its key are missing. See `upstreamIdOf` for null as id. */
  find(id: string | null): Promise<Upstream | null>;
  /** Returns how many questions wait to be sent. */
  waiting(): number;
  /** Returns who a choice names. It asks nobody. */
  identify(choice: UpstreamChoice): UpstreamIdentity;
  /** Returns which settings, key, app or model a choice lacks; null if none. It asks nobody. */
  findGap(choice: UpstreamChoice): UpstreamProblem | null;
  /** Returns the limit for prompts of a choice. Null: its upstream has none, or the choice has a gap. */
  promptLimitOf(choice: UpstreamChoice): PromptLimit | null;
  /** Returns what is wrong with the setup of an upstream, or null. See `Upstream.findProblem`. */
  findProblem(
    choice: UpstreamChoice,
    needs?: Pick<CharacterNeeds, 'promptChars'>,
  ): Promise<UpstreamProblem | null>;
}
