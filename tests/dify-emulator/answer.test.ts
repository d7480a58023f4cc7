import { composeAnswer } from './answer';
import { characterOf } from './character';
import { excerpt, languageOf, titleOf, toDeltas } from './text';

const ada = 'You are Ada, a lighthouse keeper who loves storms. Never break character.';

describe('composeAnswer', () => {
  it('speaks as the character and repeats the question', () => {
    const answer = composeAnswer({ prompt: ada, query: 'How is the sea?', earlier: [] });
    expect(answer).toMatch(/^Ada here, a lighthouse keeper who loves storms\. /u);
    expect(answer).toContain('“How is the sea?”');
    expect(answer).not.toContain('Never break character');
  });

  it('knows which question this is and what the one before was', () => {
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
  ])('answers in the language of the question (%s)', (prompt, query, expected) => {
    expect(composeAnswer({ prompt, query, earlier: [] })).toMatch(expected);
    expect(composeAnswer({ prompt, query, earlier: ['x'] })).toMatch(/2/u);
  });

  it('says so when there is no prompt', () => {
    expect(composeAnswer({ prompt: '', query: 'hi', earlier: [] })).toContain('Nobody has told me who to be');
  });

  it('says the same thing twice', () => {
    const question = { prompt: ada, query: 'Why?', earlier: [] };
    expect(composeAnswer(question)).toBe(composeAnswer(question));
  });

  it('quotes a short excerpt of a long question', () => {
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
  ])('reads %s', (prompt, name, role) => {
    expect(characterOf(prompt)).toMatchObject({ name, role });
  });
});

describe('toDeltas', () => {
  const text = 'Ada 👩‍👩‍👧 waves 🇫🇷: “e\u0301té”,  你好，世界。\n';

  it('loses nothing', () => {
    expect(toDeltas(text).join('')).toBe(text);
  });

  it('cuts no character a reader sees as one', () => {
    const deltas = toDeltas(text);
    for (const whole of ['👩‍👩‍👧', '🇫🇷', 'e\u0301'])
      expect(deltas.some((delta) => delta.includes(whole))).toBe(true);
  });

  it('cuts Chinese although it has no spaces', () => {
    expect(toDeltas('今天天气如何').length).toBeGreaterThan(1);
  });
});

describe('text', () => {
  it('tells Japanese from Chinese by its kana', () => {
    expect(languageOf('東京へ行く')).toBe('ja');
    expect(languageOf('北京')).toBe('zh');
  });

  it('counts an excerpt in characters as a reader sees them', () => {
    expect(excerpt('👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧', 2)).toBe('👩‍👩‍👧👩‍👩‍👧…');
  });

  it('names a conversation after a short question, or after its first 47 characters', () => {
    expect(titleOf('a'.repeat(50))).toBe('a'.repeat(50));
    expect(titleOf('a'.repeat(51))).toBe(`${'a'.repeat(47)}...`);
  });
});
