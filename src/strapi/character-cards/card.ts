/**
 * Character cards: V1, V2 (https://github.com/malfoyslastname/character-card-spec-v2) and
 * V3 (https://github.com/kwaroran/character-card-spec-v3). A card keeps the fields that this server does not know.
 */
import { z } from 'zod';

import { CardError } from './card-error';
import { isPng, readTexts, withTexts } from './png';

const text = z.string().catch('').default('');

const dataSchema = z.looseObject({
  name: z.string().refine((name) => name.trim() !== ''),
  description: text,
  personality: text,
  scenario: text,
  first_mes: text,
  mes_example: text,
  creator_notes: text,
  system_prompt: text,
  post_history_instructions: text,
  alternate_greetings: z.array(z.string()).catch([]).default([]),
  tags: z.array(z.string()).catch([]).default([]),
  creator: text,
  character_version: text,
  extensions: z.record(z.string(), z.unknown()).catch({}).default({}),
  nickname: z.string().optional().catch(undefined),
  character_book: z
    .looseObject({ entries: z.array(z.unknown()) })
    .optional()
    .catch(undefined),
});

const cardSchema = z.object({ spec: z.enum(['chara_card_v2', 'chara_card_v3']), data: dataSchema });

export type CardData = Readonly<z.output<typeof dataSchema>>;

/** A card of V2 or V3. */
export interface Card {
  readonly spec: 'chara_card_v2' | 'chara_card_v3';
  readonly data: CardData;
  /** The JSON as it came, with the fields that `data` leaves out. */
  readonly raw: Readonly<Record<string, unknown>>;
}

/** A JSON value nested deeper than this is refused: code that walks through it could run out of stack. */
const maxDepth = 100;

/** The keywords of the chunks that hold a card. */
const keywords = { chara_card_v3: 'ccv3', chara_card_v2: 'chara' } as const;

/**
 * Reads a card from a JSON or PNG file.
 * @throws CardError if the file has no card.
 */
export function readCard(file: Buffer): Card {
  if (!isPng(file)) return parseCard(file.toString('utf8').replace(/^\uFEFF/u, ''));
  const texts = readTexts(file);
  const base64 = texts.get(keywords.chara_card_v3) ?? texts.get(keywords.chara_card_v2);
  if (base64 === undefined)
    throw new CardError(
      'The picture has no character card. Some programs remove it when they save a picture.',
    );
  return parseCard(Buffer.from(base64, 'base64').toString('utf8'));
}

/** @throws CardError unless the text is the JSON of a card. */
export function parseCard(json: string): Card {
  const value = parseJson(json);
  if (!isObject(value)) throw new CardError('The file is no character card of V1, V2 or V3.');
  if (isDeeperThan(maxDepth, value)) throw new CardError('The card is nested too deeply.');
  const raw = isFirstVersion(value) ? toSecondVersion(value) : value;
  const card = cardSchema.safeParse(raw);
  if (card.success) return { ...card.data, raw };
  const isNameless = card.error.issues.every(({ path }) => path.at(-1) === 'name');
  throw new CardError(
    isNameless ? 'The card has no name.' : 'The file is no character card of V1, V2 or V3.',
  );
}

/** Returns the picture with the card in it. Programs that read only V2 find a card of V3, too. */
export function toPng(picture: Buffer, { spec, raw }: Card): Buffer {
  const second = { ...raw, spec: 'chara_card_v2', spec_version: '2.0' };
  const texts = new Map<string, string>([[keywords.chara_card_v2, toBase64(second)]]);
  if (spec === 'chara_card_v3') texts.set(keywords.chara_card_v3, toBase64(raw));
  return withTexts(picture, texts);
}

const toBase64 = (json: object): string => Buffer.from(JSON.stringify(json)).toString('base64');

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json) as unknown;
  } catch {
    throw new CardError('The file is neither a PNG picture nor JSON.');
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Walks level by level, because recursion could run out of stack. */
function isDeeperThan(levels: number, value: object): boolean {
  let level: object[] = [value];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > levels) return true;
    level = level.flatMap((item) => Object.values(item) as unknown[]).filter(isNested);
  }
  return false;
}

const isNested = (value: unknown): value is object => typeof value === 'object' && value !== null;

/** V1 has no `spec`, and its fields are at the top. */
const isFirstVersion = (value: Record<string, unknown>): boolean =>
  value['spec'] === undefined && typeof value['first_mes'] === 'string';

const toSecondVersion = (data: Record<string, unknown>) => ({
  spec: 'chara_card_v2',
  spec_version: '2.0',
  data,
});
