import { errors } from '@strapi/utils';

import { chineseLabels as labelsOfPanel } from '../../../../src/admin/form/translations';
import type { UpstreamKind } from '../../../../src/chat';
import { characterLabels } from '../../../../src/strapi/startup/admin-views';
import { keyMask, parseUpstreamFields } from '../../../../src/strapi/upstreams/fields';
import {
  chineseLabels,
  chineseOfFields,
  chineseSentences,
} from '../../../../src/strapi/workplace/errors/chinese';
import { toChinese } from '../../../../src/strapi/workplace/errors/translate';

function problemsOf(given: object, savedFor: UpstreamKind | null = null): readonly string[] {
  try {
    parseUpstreamFields(given, { defaultKind: 'dify', hasDefaultApp: false }, savedFor);
    return [];
  } catch (error) {
    if (!(error instanceof errors.ValidationError)) throw error;
    return (error.details as { errors: { message: string }[] }).errors.map(({ message }) => message);
  }
}

function deep(levels: number): unknown {
  return levels === 0 ? 1 : { a: deep(levels - 1) };
}

describe('toChinese', () => {
  it.each<[problem: string, given: object, savedFor?: UpstreamKind]>([
    ['a text that is a number', { model: 5 }],
    ['a text that is too long', { model: 'm'.repeat(300) }],
    ['a key that is no text', { upstream: 'dify', upstream_key: 5 }],
    ['a key that is too long', { upstream: 'dify', upstream_key: 'k'.repeat(1_001) }],
    ['a key with a space', { upstream: 'dify', upstream_key: 'a b' }],
    ['a key with the mask', { upstream: 'dify', upstream_key: `${keyMask}a` }],
    ['a key for another upstream', { upstream: 'openai', upstream_key: keyMask }, 'dify'],
    ['a key without an upstream', { upstream_key: 'app-1' }],
    ['a key for the console', { upstream: 'dify-console', upstream_app_id: null, upstream_key: 'app-1' }],
    ['an unknown upstream', { upstream: 'other' }],
    ['parameters that are no object', { model_parameters: [1] }],
    ['parameters that are too long', { model_parameters: { a: 'b'.repeat(20_001) } }],
    ['parameters that are nested too deeply', { model_parameters: deep(200) }],
    ['parameters that no model takes', { upstream: 'openai', model_parameters: { temperature: 'hot' } }],
  ])('translates the sentence about %s', (_problem, given, savedFor) => {
    const problems = problemsOf(given, savedFor);
    expect(problems).not.toEqual([]);
    for (const problem of problems)
      expect(toChinese(problem)).toMatch(/^「[^」]+」：.*\p{Script=Han}.*。$/su);
  });

  it('fills in the values of a sentence', () => {
    const sentence =
      '"Prompt": The Dify app takes 40 characters, and the prompt has 52. Shorten it, or raise the maximum length of ' +
      'the variable in Dify.';
    expect(toChinese(sentence)).toBe(
      '「提示词」：Dify 应用最多接受 40 个字符，而提示词有 52 个。请缩短提示词，或在 Dify 中提高该变量的最大长度。',
    );
  });

  it('names every value that the English sentence has', () => {
    const namesIn = (text: string) => [...text.matchAll(/\{(\w+)\}/gu)].map(([, name]) => name);
    for (const [english, chinese] of Object.entries({ ...chineseOfFields, ...chineseSentences }))
      expect(namesIn(english)).toEqual(expect.arrayContaining(namesIn(chinese)));
  });

  it('returns a sentence that it does not know', () => {
    for (const sentence of ['Not Found', '"Prompt" is odd.', '"Other": odd.'])
      expect(toChinese(sentence)).toBe(sentence);
  });
});

describe('the Chinese labels', () => {
  it('are those of the admin panel', () => {
    const fields = Object.entries(characterLabels);
    const ours = fields.map(([field, [label]]) => [field, chineseLabels[label]]);
    const theirs = Object.entries(labelsOfPanel).map(([id, label]) => [id.split('.').at(-1), label]);
    expect(Object.fromEntries(ours)).toEqual(Object.fromEntries(theirs));
  });
});
