import { chineseLabels, chineseOfFields, chineseSentences } from './chinese';

interface Entry {
  readonly pattern: RegExp;
  readonly chinese: string;
}

const ofFields = compile(chineseOfFields);
const sentences = compile(chineseSentences);

/** Returns the Chinese sentence of an error. A sentence that has none stays in English. */
export function toChinese(sentence: string): string {
  const [, label = '', rest = ''] = /^"([^"]+)":? (.+)$/su.exec(sentence) ?? [];
  const named = chineseLabels[label];
  if (named === undefined) return find(sentences, sentence) ?? sentence;
  const translated = find(ofFields, rest);
  return translated === undefined ? sentence : `「${named}」：${translated}`;
}

function find(entries: readonly Entry[], sentence: string): string | undefined {
  for (const { pattern, chinese } of entries) {
    const match = pattern.exec(sentence);
    if (match !== null)
      return chinese.replaceAll(/\{(\w+)\}/gu, (name, key: string) => match.groups?.[key] ?? name);
  }
  return undefined;
}

function compile(table: Readonly<Record<string, string>>): readonly Entry[] {
  return Object.entries(table).map(([english, chinese]) => ({ pattern: toPattern(english), chinese }));
}

/** The values stand in groups with their names. */
function toPattern(english: string): RegExp {
  const parts = english.split(/\{(\w+)\}/u);
  const source = parts.map((part, index) =>
    index % 2 === 1 ? `(?<${part}>.+?)` : part.replaceAll(/[.*+?^${}()|[\]\\]/gu, String.raw`\$&`),
  );
  return new RegExp(`^${source.join('')}$`, 'su');
}
