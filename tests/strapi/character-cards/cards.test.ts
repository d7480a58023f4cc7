import { deflateSync, crc32 } from 'node:zlib';

import { parseCard, readCard, toPng, type Card } from '../../../src/strapi/character-cards/card';
import { toCard, toCharacterFields, unusedParts } from '../../../src/strapi/character-cards/character-fields';
import { withTexts, readTexts } from '../../../src/strapi/character-cards/png';

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const size = Buffer.alloc(4);
  size.writeUInt32BE(data.length);
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([size, body, sum]);
}

function picture({ width = 1, height = 1, texts = [] as Buffer[] } = {}): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 6], 8);
  return Buffer.concat([
    Buffer.from('89504e470d0a1a0a', 'hex'),
    chunk('IHDR', header),
    ...texts,
    chunk('IDAT', deflateSync(Buffer.alloc(5))),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

const text = (keyword: string, card: unknown) =>
  chunk('tEXt', Buffer.from(`${keyword}\0${Buffer.from(JSON.stringify(card)).toString('base64')}`, 'latin1'));

const second = {
  spec: 'chara_card_v2',
  spec_version: '2.0',
  data: {
    name: 'Ada',
    description: '{{char}} is an engineer. 工程师',
    personality: 'Patient',
    scenario: 'A library',
    first_mes: 'Hello {{user}}.',
    mes_example: '<START>\n{{user}}: Hi\n{{char}}: Good day.',
    creator_notes: 'Talks about machines.',
    system_prompt: '{{original}}You are {{char}}.',
    post_history_instructions: 'Stay in character.',
    alternate_greetings: ['Good morning.'],
    tags: ['history'],
    creator: 'somebody',
    character_version: '1.2',
    extensions: { 'other/program': { depth: 4, text: '\u0000' } },
    character_book: { entries: [{ keys: ['engine'], content: 'It computes.', enabled: true }] },
  },
};
/** As SillyTavern writes it: with the fields of V1 at the top, and fields of its own. */
const ofSillyTavern = {
  name: 'Ada',
  description: second.data.description,
  first_mes: second.data.first_mes,
  chat: 'Ada - 2026',
  talkativeness: '0.5',
  ...second,
};
/** As RisuAI writes it. */
const third = {
  spec: 'chara_card_v3',
  spec_version: '3.0',
  data: {
    ...second.data,
    nickname: 'Countess',
    group_only_greetings: [],
    assets: [{ type: 'icon', uri: 'ccdefault:', name: 'main', ext: 'png' }],
    creation_date: 1_700_000_000,
    extensions: { risuai: { bias: [['a', 1]], viewScreen: 'none' } },
  },
};

const cardOf = (value: unknown): Card => parseCard(JSON.stringify(value));

describe('a card becomes a character', () => {
  it('with a prompt of all fields that belong to it', () => {
    expect(toCharacterFields(cardOf(second))).toEqual({
      name: 'Ada',
      prompt: [
        'You are {{char}}.',
        '{{char}} is an engineer. 工程师',
        'Personality:\nPatient',
        'Scenario:\nA library',
        'Examples of dialogue:\n<START>\n{{user}}: Hi\n{{char}}: Good day.',
        'Stay in character.',
      ].join('\n\n'),
      introduce: 'Talks about machines.',
      openingStatement: 'Hello {{user}}.',
      suggestedQuestions: null,
    });
  });

  it('with the nickname of V3 in place of {{char}}', () => {
    expect(toCharacterFields(cardOf(third)).prompt).toMatch(
      /^You are Countess\.\n\nCountess is an engineer/u,
    );
  });

  it('of V1, whose fields are at the top', () => {
    const { name, prompt } = toCharacterFields(
      cardOf({ name: 'Bo', description: 'A bear.', first_mes: 'Hi.' }),
    );
    expect({ name, prompt }).toEqual({ name: 'Bo', prompt: 'A bear.' });
  });

  it('with fields of a wrong type as empty ones', () => {
    const data = { name: 'Bo', description: 5, tags: 'x', extensions: null, character_book: [] };
    expect(toCharacterFields(cardOf({ ...second, data })).prompt).toBe('');
  });

  it('and says which parts are kept but not used', () => {
    expect(unusedParts(cardOf(second))).toEqual(['1 alternate greetings', 'a lorebook of 1 entries']);
  });
});

describe('a character becomes a card', () => {
  it.each([
    ['V2', second],
    ['V2 of SillyTavern', ofSillyTavern],
    ['V3 of RisuAI', third],
    ['V2 with nothing but a name', { ...second, data: { name: 'Bo' } }],
  ])('equal to the imported one: %s', (_name, imported) => {
    const card = cardOf(imported);
    expect(toCard(toCharacterFields(card), card).raw).toEqual(imported);
  });

  it('that differs only in what was edited', () => {
    const card = cardOf(ofSillyTavern);
    const edited = toCard({ ...toCharacterFields(card), name: 'Ada II', openingStatement: 'Welcome.' }, card);
    expect(edited.raw).toEqual({
      ...ofSillyTavern,
      name: 'Ada II',
      first_mes: 'Welcome.',
      data: { ...second.data, name: 'Ada II', first_mes: 'Welcome.' },
    });
  });

  it('with an edited prompt as its description', () => {
    const card = cardOf(second);
    const edited = toCard({ ...toCharacterFields(card), prompt: 'You are terse.' }, card);
    expect(toCharacterFields(edited).prompt).toBe('You are terse.');
    expect(edited.data).toMatchObject({ description: 'You are terse.', personality: '', tags: ['history'] });
  });

  it('of V3 without an import, and keeps suggested questions', () => {
    const character = {
      name: 'Bo',
      prompt: 'You are Bo.',
      introduce: '',
      openingStatement: 'Hi.',
      suggestedQuestions: ['Why?'],
    };
    const card = toCard(character, null);
    expect(card.raw).toMatchObject({ spec: 'chara_card_v3', data: { name: 'Bo', group_only_greetings: [] } });
    expect(toCharacterFields(cardOf(card.raw))).toEqual(character);
  });
});

describe('a PNG', () => {
  it('of V2 and of V3 is read, and V3 wins', () => {
    expect(readCard(picture({ texts: [text('chara', second)] })).spec).toBe('chara_card_v2');
    expect(readCard(picture({ texts: [text('chara', second), text('ccv3', third)] })).raw).toEqual(third);
  });

  it('of V3 is written for programs that read only V2, too', () => {
    const file = toPng(picture(), cardOf(third));
    expect(readCard(file).raw).toEqual(third);
    expect([...readTexts(file).keys()]).toEqual(['chara', 'ccv3']);
    expect(readTexts(toPng(picture(), cardOf(second))).size).toBe(1);
  });

  it('keeps no text of before, which could be the prompt', () => {
    const old = picture({ texts: [text('chara', second), chunk('zTXt', Buffer.from('a\0\0b'))] });
    expect(withTexts(old, new Map())).toEqual(picture());
  });
});

describe('readCard throws', () => {
  it.each([
    ['a text that is no JSON', Buffer.from('hello'), /neither a PNG picture nor JSON/u],
    ['JSON that is no card', Buffer.from('{"spec":"other","data":{"name":"x"}}'), /no character card/u],
    ['a list', Buffer.from('[]'), /no character card/u],
    ['a card without a name', Buffer.from('{"spec":"chara_card_v2","data":{"name":" "}}'), /has no name/u],
    ['a picture without a card', picture(), /has no character card/u],
    [
      'a picture that was cut off',
      picture({ texts: [text('chara', second)] }).subarray(0, -20),
      /whole PNG/u,
    ],
    ['a small file of a huge picture', picture({ width: 60_000, height: 60_000 }), /million pixels/u],
    [
      'deep nesting',
      Buffer.from(`{"spec":"chara_card_v2","data":{"name":"x","a":${'['.repeat(5e5)}${']'.repeat(5e5)}}}`),
      /nested too deeply|neither/u,
    ],
  ])('for %s', (_name, file, message) => {
    expect(() => readCard(file)).toThrow(message);
  });
});
