/** The character that answers, in its published version. */
export interface Character {
  /** Sessions, messages and the history refer to the character by this id. */
  readonly documentId: string;
  /** The number that replies show as `id`. It never changes, although Strapi replaces the rows of a character. */
  readonly id: number;
  readonly name: string | null;
  readonly prompt: string | null;
  readonly introduce: string | null;
  readonly openingStatement: string | null;
  readonly suggestedQuestions: unknown;
  /** The upstream that an editor has chosen for the character. Private: no reply contains it. */
  readonly upstream: UpstreamChoice;
  /** The number of the published version; null if it is unknown. Each publish with changes has the next number. */
  readonly version: number | null;
}

/** A published character in a list. */
export interface ListedCharacter {
  readonly documentId: string;
  readonly name: string | null;
  readonly createdAt: Date;
}

/** Returns the documentIds of the characters of these sessions or messages, each once. */
export function characterIdsOf(rows: readonly { readonly characterId: string | null }[]): string[] {
  return [...new Set(rows.flatMap(({ characterId }) => characterId ?? []))];
}

export type AnsweringCharacter = Character & { readonly prompt: string };

export const upstreamKinds = ['dify', 'dify-console', 'openai'] as const;

/** Dify's Service API, Dify's console API, or an OpenAI-compatible server. */
export type UpstreamKind = (typeof upstreamKinds)[number];

/** An API key, and the kind of upstream that it was entered for. */
export interface UpstreamKey {
  readonly kind: UpstreamKind;
  readonly key: string;
}

/** The upstream of a character. Null stands for the default of the settings, or of the app itself. */
export interface UpstreamChoice {
  /** The documentId of the character that chooses. Null stands for none: the settings choose. */
  readonly characterId: string | null;
  readonly kind: UpstreamKind | null;
  /** The app at Dify. For the Service API, it only names the app: the key chooses it. */
  readonly appId: string | null;
  /** The API key of the app or of the server, encrypted. */
  readonly sealedKey: string | null;
  /** The provider of the model, for an upstream with several. */
  readonly modelProvider: string | null;
  readonly model: string | null;
  /** Parameters of the model, e.g. `temperature`. Each upstream checks its own. */
  readonly modelParameters: Readonly<Record<string, unknown>> | null;
  /** Values for the variables of the Dify app. Those of a question replace them. */
  readonly inputs: Readonly<Record<string, unknown>> | null;
}

/** The choice of a character that leaves everything to the settings. */
export const defaultChoice: UpstreamChoice = {
  characterId: null,
  kind: null,
  appId: null,
  sealedKey: null,
  modelProvider: null,
  model: null,
  modelParameters: null,
  inputs: null,
};
