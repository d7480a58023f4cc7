import { computed, effect } from '@preact/signals';

import { createSetting } from '../platform/setting';
import { en, type Dictionary } from './en';
import { zh } from './zh';

export const languages = ['en', 'zh'] as const;
export type Language = (typeof languages)[number];

const dictionaries: Readonly<Record<Language, Dictionary>> = { en, zh };
/** The name of each language in itself. */
export const languageNames: Readonly<Record<Language, string>> = { en: 'English', zh: '中文' };

const ofBrowser: Language = navigator.language.toLowerCase().startsWith('zh') ? 'zh' : 'en';
export const language = createSetting('language', languages, ofBrowser);

/** The words in the language of the user. */
export const words = computed(() => dictionaries[language.value]);

const locale = computed(() => (language.value === 'zh' ? 'zh-CN' : 'en'));

export const formatNumber = (value: number) => new Intl.NumberFormat(locale.value).format(value);

/** Returns the time of today, and otherwise the date with the time. */
export function formatTime(date: Date): string {
  const isToday = date.toDateString() === new Date().toDateString();
  const options: Intl.DateTimeFormatOptions = isToday
    ? { timeStyle: 'short' }
    : { dateStyle: 'medium', timeStyle: 'short' };
  return new Intl.DateTimeFormat(locale.value, options).format(date);
}

/** Tells the browser and screen readers the language of the page. Call it once. */
export function startLanguage(): void {
  effect(() => {
    document.documentElement.lang = language.value === 'zh' ? 'zh-CN' : 'en';
    document.title = words.value.appName;
  });
}
