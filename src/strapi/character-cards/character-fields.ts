import { toStorableText } from '../../chat';
import type { Card, CardData } from './card';

/** The fields of a character that a card has, too. */
export interface CharacterFields {
  readonly name: string;
  readonly prompt: string;
  readonly introduce: string;
  readonly openingStatement: string;
  readonly suggestedQuestions: unknown;
}

/** The length of a character's name, in characters. */
const maxNameChars = 120;
/** Our key in the extensions of a card. A card has no field for suggested questions. */
const extension = 'character_chat';

/** Returns the character that a card describes. Macros such as `{{user}}` remain: they are filled in with each question. */
export function toCharacterFields({ data }: Card): CharacterFields {
  const fill = (text: string) => toStorableText(withNickname(text, data.nickname));
  return {
    name: toStorableText([...data.name.trim()].slice(0, maxNameChars).join('')),
    prompt: fill(toPrompt(data)),
    introduce: fill(data.creator_notes),
    openingStatement: fill(data.first_mes),
    suggestedQuestions: suggestedQuestionsOf(data),
  };
}

/**
 * Returns the card of a character. What an editor has not changed since the import stays as it came.
 * @param imported the card of the import; null for a character that was made here.
 */
export function toCard(character: CharacterFields, imported: Card | null): Card {
  const card = imported ?? newCard(character.name);
  const changes = changesOf(character, toCharacterFields(card), card.data);
  const raw = { ...card.raw, data: { ...(card.raw['data'] as object), ...changes } };
  // Many programs write the fields of V1 at the top as well.
  const above = Object.entries(changes).filter(([key]) => typeof card.raw[key] === 'string');
  return { ...card, data: { ...card.data, ...changes }, raw: { ...raw, ...Object.fromEntries(above) } };
}

function changesOf(now: CharacterFields, before: CharacterFields, data: CardData): Partial<CardData> {
  return {
    ...(now.name !== before.name && { name: now.name }),
    ...(now.prompt !== before.prompt && { ...withoutPrompt, description: now.prompt }),
    ...(now.introduce !== before.introduce && { creator_notes: now.introduce }),
    ...(now.openingStatement !== before.openingStatement && { first_mes: now.openingStatement }),
    ...(!isSame(now.suggestedQuestions, before.suggestedQuestions) && {
      extensions: { ...data.extensions, [extension]: { suggested_questions: now.suggestedQuestions } },
    }),
  };
}

/** An edited prompt is one text. It replaces all fields that `toPrompt` joins. */
const withoutPrompt = {
  personality: '',
  scenario: '',
  mes_example: '',
  system_prompt: '',
  post_history_instructions: '',
};

/** Joins the fields of a card that make up a prompt, in the order in which chat programs send them. */
function toPrompt(data: CardData): string {
  const parts = [
    data.system_prompt,
    data.description,
    titled('Personality', data.personality),
    titled('Scenario', data.scenario),
    titled('Examples of dialogue', data.mes_example),
    data.post_history_instructions,
  ];
  // This macro stands for a prompt that the program itself would send. There is none.
  const texts = parts.map((part) => part.replaceAll(/\{\{original\}\}/giu, '').trim());
  return texts.filter((part) => part !== '').join('\n\n');
}

const titled = (title: string, text: string): string =>
  text.trim() === '' ? '' : `${title}:\n${text.trim()}`;

/** V3: the nickname takes the place of the name in macros. */
const withNickname = (text: string, nickname = ''): string =>
  nickname.trim() === '' ? text : text.replaceAll(/\{\{char\}\}|<bot>/giu, () => nickname.trim());

function suggestedQuestionsOf({ extensions }: CardData): unknown {
  const ours = extensions[extension];
  return typeof ours === 'object' && ours !== null && 'suggested_questions' in ours
    ? ours.suggested_questions
    : null;
}

const isSame = (one: unknown, other: unknown): boolean =>
  JSON.stringify(one ?? null) === JSON.stringify(other ?? null);

/** Returns a card of V3 with all fields that V3 requires. */
function newCard(name: string): Card {
  const data = {
    name,
    description: '',
    personality: '',
    scenario: '',
    first_mes: '',
    mes_example: '',
    creator_notes: '',
    system_prompt: '',
    post_history_instructions: '',
    alternate_greetings: [],
    group_only_greetings: [],
    tags: [],
    creator: '',
    character_version: '',
    extensions: {},
  };
  return { spec: 'chara_card_v3', data, raw: { spec: 'chara_card_v3', spec_version: '3.0', data } };
}

/** Returns what the server keeps of a card and does not use, in words for the editor. */
export function unusedParts({ data }: Card): readonly string[] {
  const greetings = data.alternate_greetings.length;
  const entries = data.character_book?.entries.length ?? 0;
  return [
    ...(greetings > 0 ? [`${greetings} alternate greetings`] : []),
    ...(entries > 0 ? [`a lorebook of ${entries} entries`] : []),
  ];
}
