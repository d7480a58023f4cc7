import { excerpt } from './text';

/** The name and the role in the first sentence of a prompt. All fields are empty without a prompt. */
export type Character = { readonly name: string; readonly role: string; readonly words: string };

const unnamed: Character = { name: '', role: '', words: '' };

/**
 *   You are Ada, a lighthouse keeper who loves storms.   name Ada, role "a lighthouse keeper who loves storms"
 *   你是一位图书管理员，名叫小雨。                          name 小雨, role 一位图书管理员
 *   Speak like a pirate.                                 no name and no role, only the words
 */
export function characterOf(prompt: string): Character {
  const sentence = firstSentence(prompt);
  if (sentence === '') return unnamed;
  const words = excerpt(sentence, 60);
  const who =
    /^(?:you(?:'re|’re| are| play| will play)|你(?:现在)?(?:是|叫|扮演)|あなたは|당신은)\s*(.+)$/iu.exec(
      sentence,
    )?.[1];
  if (who === undefined) return { ...unnamed, words };
  const plain = who.replace(/(?:です|である|として.*|입니다)$/u, '');
  return { words, ...(withName(plain) ?? nameFirst(plain)) };
}

function firstSentence(prompt: string): string {
  const start = prompt.slice(0, 2000).replace(/^(?:\s*#.*\n|[\s#*>-]+)+/u, '');
  return (/^[^.。!！?？\n;；]+/u.exec(start)?.[0] ?? '').trim();
}

/** Parses "a pirate named Anne Bonny", "一位图书管理员，名叫小雨" and "千夜という茶人". */
function withName(who: string): Pick<Character, 'name' | 'role'> | undefined {
  const patterns = [
    /^(?<role>.+?),? (?:named|called|whose name is) (?<name>\p{Lu}[\p{L}'’-]*(?: \p{Lu}[\p{L}'’-]*)*)/u,
    /^(?<role>.+?)[，,、]?(?:名叫|名字叫|叫做|名为)(?<name>[^，,、的]{1,12})/u,
    /^(?<name>[^、，]{1,16})という(?:名前の)?(?<role>.+)$/u,
  ];
  for (const pattern of patterns) {
    const { name, role } = pattern.exec(who)?.groups ?? {};
    if (name !== undefined && role !== undefined) return { name: bare(name), role: excerpt(role, 60) };
  }
  return undefined;
}

/** Parses "Ada, a lighthouse keeper" and "林黛玉，一位诗人". A phrase with an article is a role, not a name. */
function nameFirst(who: string): Pick<Character, 'name' | 'role'> {
  const [, first = who, role = ''] =
    /^(.+?)(?:\s*[,，、:：—(（]\s*| (?=who |from |of ))(.*)$/u.exec(who) ?? [];
  const isRole = /^(?:an?|the|my) |^一[位个個名只]/iu.test(first) || [...first].length > 24;
  if (isRole) return { name: '', role: excerpt(who, 60) };
  return { name: bare(first), role: excerpt(role, 60) };
}

function bare(name: string): string {
  return name.replace(/["'“”「」『』《》]/gu, '').trim();
}
