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
}

export type AnsweringCharacter = Character & { readonly prompt: string };
