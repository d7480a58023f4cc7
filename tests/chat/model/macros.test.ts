import { fillCharacterTexts, fillMacros, nameUser, unnamedUser } from '../../../src/chat/model/macros';
import { keeper } from '../support/fixtures';

const names = { char: 'Ada', user: 'User' };

describe('fillMacros', () => {
  it.each([
    ['{{char}} meets {{user}}.', 'Ada meets User.'],
    ['{{Char}}, {{ USER }}, <BOT>, <user>', 'Ada, User, Ada, User'],
    ['Before.{{// a note for editors}} After.', 'Before. After.'],
    ['{{other}} {char} <b> {{random:a,b}}', '{{other}} {char} <b> {{random:a,b}}'],
  ])('turns %j into %j', (text, filled) => {
    expect(fillMacros(text, names)).toBe(filled);
  });

  it('fills in a name as it is, also one that looks like a pattern or a macro', () => {
    expect(fillMacros('{{char}}{{user}}', { char: "$&$'", user: '{{char}}' })).toBe("$&$'{{char}}");
  });
});

describe('fillCharacterTexts', () => {
  it('fills in the texts of a character, and nothing else', () => {
    const character = {
      name: 'Ada {{user}}',
      prompt: 'You are {{char}}.',
      introduce: null,
      suggested_questions: ['Who is {{char}}?', 5],
      note: '{{char}}',
    };
    expect(fillCharacterTexts(character)).toEqual({
      ...character,
      prompt: 'You are Ada {{user}}.',
      suggested_questions: ['Who is Ada {{user}}?', 5],
    });
  });

  it('leaves {{char}} where the name was not read', () => {
    expect(fillCharacterTexts({ opening_statement: '{{char}} greets {{user}}.' })).toEqual({
      opening_statement: '{{char}} greets User.',
    });
  });
});

describe('nameUser', () => {
  it('fills in the name of the user where fillCharacterTexts has left {{user}}', () => {
    const texts = { name: 'Keeper', prompt: '{{char}} greets <USER>.', suggested_questions: ['{{ User }}?'] };
    const { prompt, suggested_questions } = fillCharacterTexts(texts, unnamedUser);
    const character = { ...keeper, prompt, suggestedQuestions: suggested_questions };
    expect(nameUser(character, { username: '$& {{char}}' })).toEqual({
      ...character,
      prompt: 'Keeper greets $& {{char}}.',
      suggestedQuestions: ['$& {{char}}?'],
    });
  });
});
