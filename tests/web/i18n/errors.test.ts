import { chatErrorCodes } from '../../../src/chat/errors';
import { errorsInEnglish } from '../../../web/i18n/errors/en';
import { errorsInChinese } from '../../../web/i18n/errors/zh';

describe.each([
  ['English', errorsInEnglish, /^[A-Z].*\.$/u],
  ['Chinese', errorsInChinese, /^\p{Script=Han}.*。$/u],
] as const)('the %s error sentences of the chat page', (_language, sentences, form) => {
  it.each(chatErrorCodes)('say what happened and what to do next for %s', (code) => {
    expect(sentences[code].happened).toMatch(form);
    expect(sentences[code].next).toMatch(form);
  });
});
