import type { Character } from './character';
import type { Owner } from './owner';

/**
 * The macros of character cards. Editors write them in prompts and in opening lines, in any case: `{{char}}` or `<BOT>`
 * for the character, `{{user}}` or `<USER>` for the person, `{{// a note}}` for nobody.
 */
interface MacroNames {
  readonly char: string;
  readonly user: string;
}

const macros = /\{\{\s*(char|user)\s*\}\}|<(bot|user)>|\{\{\/\/[^{}]*\}\}/giu;

/** Stands for the person who asks, while the settings do not allow the name. */
const neutralUser = 'User';

/** Stays in a text until `nameUser` fills it in, because a character is cached for all users. */
export const unnamedUser = '{{user}}';

export function fillMacros(text: string, { char, user }: MacroNames): string {
  return text.replaceAll(macros, (_macro, named?: string, tagged?: string) => {
    const name = (named ?? tagged)?.toLowerCase();
    if (name === undefined) return '';
    return name === 'user' ? user : char;
  });
}

/** The texts of a character that can contain macros, by their columns. */
interface CharacterTexts {
  readonly name?: string | null;
  readonly prompt?: string | null;
  readonly introduce?: string | null;
  readonly opening_statement?: string | null;
  readonly suggested_questions?: unknown;
}

/**
 * Returns the character with its macros filled in. Without a name, `{{char}}` stays.
 * @param user the word for the person who asks.
 */
export function fillCharacterTexts<Texts extends CharacterTexts>(
  character: Texts,
  user: string = neutralUser,
): Texts {
  const names = { char: character.name ?? '{{char}}', user };
  const fill = (value: unknown): unknown => {
    if (typeof value === 'string') return fillMacros(value, names);
    return Array.isArray(value) ? value.map(fill) : value;
  };
  const keys = ['prompt', 'introduce', 'opening_statement', 'suggested_questions'] as const;
  const filled = keys.filter((key) => key in character).map((key) => [key, fill(character[key])]);
  return { ...character, ...(Object.fromEntries(filled) as Partial<Texts>) };
}

/** Returns the character with the name of this user in its texts, if the settings have left the place open. */
export function nameUser<Named extends Character>(
  character: Named,
  { username }: Pick<Owner, 'username'>,
): Named {
  const fill = <Value>(value: Value): Value =>
    (typeof value === 'string' ? value.replaceAll(unnamedUser, () => username) : value) as Value;
  const { prompt, introduce, openingStatement, suggestedQuestions: questions } = character;
  return {
    ...character,
    prompt: fill(prompt),
    introduce: fill(introduce),
    openingStatement: fill(openingStatement),
    suggestedQuestions: Array.isArray(questions) ? questions.map(fill) : questions,
  };
}
