import { effect } from '@preact/signals';

import { createSetting } from './setting';

export const themes = ['system', 'light', 'dark'] as const;

export const theme = createSetting('theme', themes, 'system');

/** Sets the attribute that the variables of the style sheet depend on. Call it once. */
export function startTheme(): void {
  effect(() => {
    document.documentElement.dataset['theme'] = theme.value;
  });
}
