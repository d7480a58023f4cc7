import { composeAnswer } from './answer';
import { characterOf } from './character';
import { excerpt, languageOf, titleOf, toDeltas } from './text';

const ada = 'You are Ada, a lighthouse keeper who loves storms. Never break character.';

describe('composeAnswer', () => {
  it('introduces the character and repeats the question', () => {
    const answer = composeAnswer({ prompt: ada, query: 'How is the sea?', earlier: [] });
    expect(answer).toMatch(/^Ada here, a lighthouse keeper who loves storms\. /u);
    expect(answer).toContain('“How is the sea?”');
    expect(answer).not.toContain('Never break character');
  });

  it('counts the questions and quotes the previous one', () => {
    const earlier = ['What is rain?', 'And snow?'];
    const answer = composeAnswer({ prompt: ada, query: 'And hail?', earlier });
    expect(answer).toContain('“And hail?” is your 3rd question');
    expect(answer).toContain('“And snow?”');
  });

  it.each([
    ['你是林黛玉，一位多愁善感的诗人。', '今天天气如何？', /^我是林黛玉，一位多愁善感的诗人。/u],
    ['あなたは千夜という京都の茶人です。', 'お元気ですか', /^千夜です。京都の茶人として/u],
    ['당신은 하늘, 별을 세는 사람입니다.', '오늘 어때요?', /^저는 하늘, 별을 세는 사람입니다\./u],
    [ada, '你是谁？', /^我是Ada，a lighthouse keeper who loves storms。/u],
  ])('replies in the language of the question (%s)', (prompt, query, expected) => {
    expect(composeAnswer({ prompt, query, earlier: [] })).toMatch(expected);
    expect(composeAnswer({ prompt, query, earlier: ['x'] })).toMatch(/2/u);
  });

  it('has its own sentence for an empty prompt', () => {
    expect(composeAnswer({ prompt: '', query: 'hi', earlier: [] })).toContain('Nobody has told me who to be');
  });

  it('returns the same answer for the same question', () => {
    const question = { prompt: ada, query: 'Why?', earlier: [] };
    expect(composeAnswer(question)).toBe(composeAnswer(question));
  });

  it('quotes only an excerpt of a long question', () => {
    expect(composeAnswer({ prompt: '', query: 'a'.repeat(5000), earlier: [] }).length).toBeLessThan(500);
  });
});

describe('characterOf', () => {
  it.each([
    ['You are a grumpy pirate named Anne Bonny.', 'Anne Bonny', 'a grumpy pirate'],
    ['You are a grumpy pirate.', '', 'a grumpy pirate'],
    ['# Role\nYou are Luna who lives on the moon', 'Luna', 'who lives on the moon'],
    ['你是一位温柔的图书管理员，名叫小雨。', '小雨', '一位温柔的图书管理员'],
    ['Speak like a pirate.', '', ''],
  ])('parses the name and the role in %s', (prompt, name, role) => {
    expect(characterOf(prompt)).toMatchObject({ name, role });
  });
});

describe('toDeltas', () => {
  const text = 'Ada 👩‍👩‍👧 waves 🇫🇷: “e\u0301té”,  你好，世界。\n';

  it('loses no character', () => {
    expect(toDeltas(text).join('')).toBe(text);
  });

  it('does not split a grapheme', () => {
    const deltas = toDeltas(text);
    for (const whole of ['👩‍👩‍👧', '🇫🇷', 'e\u0301'])
      expect(deltas.some((delta) => delta.includes(whole))).toBe(true);
  });

  it('splits Chinese text, which has no spaces', () => {
    expect(toDeltas('今天天气如何').length).toBeGreaterThan(1);
  });
});

describe('text', () => {
  it('languageOf distinguishes Japanese from Chinese by kana', () => {
    expect(languageOf('東京へ行く')).toBe('ja');
    expect(languageOf('北京')).toBe('zh');
  });

  it('excerpt counts graphemes', () => {
    expect(excerpt('👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧', 2)).toBe('👩‍👩‍👧👩‍👩‍👧…');
  });

  it('titleOf returns a short question, or the first 47 characters of a long one', () => {
    expect(titleOf('a'.repeat(50))).toBe('a'.repeat(50));
    expect(titleOf('a'.repeat(51))).toBe(`${'a'.repeat(47)}...`);
  });
});
