/** Who answers, as users know it: the published version. */
export interface Character {
  /** Names the character everywhere: sessions, messages and the history link to it. */
  readonly documentId: string;
  /** The number that replies show as `id`. It never changes, whereas Strapi replaces the rows of a character. */
  readonly id: number;
  readonly name: string | null;
  readonly prompt: string | null;
  readonly introduce: string | null;
  readonly openingStatement: string | null;
  readonly suggestedQuestions: unknown;
}

export type AnsweringCharacter = Character & { readonly prompt: string };
