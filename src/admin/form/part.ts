import type { ComponentType } from 'react';

import type { AdminPart } from '../shared/part';
import { chinese, chineseLabels, english } from './translations';

const text = (id: keyof typeof english) => ({ id, defaultMessage: english[id] });

/** Strapi's types do not know which props the Content Manager gives to an input. */
const inputs = (load: () => Promise<{ default: unknown }>) => ({
  Input: load as () => Promise<{ default?: ComponentType }>,
});

/** The inputs for the prompt and for the suggested questions in the form of characters. */
export const form: AdminPart = {
  english,
  chinese: { ...chinese, ...chineseLabels },
  register(app) {
    app.customFields.register([
      {
        name: 'character-prompt',
        type: 'text',
        intlLabel: text('character-chat.form.prompt'),
        intlDescription: text('character-chat.form.prompt.description'),
        components: inputs(() => import('./PromptInput')),
      },
      {
        name: 'suggested-questions',
        type: 'json',
        intlLabel: text('character-chat.form.questions'),
        intlDescription: text('character-chat.form.questions.description'),
        components: inputs(() => import('./QuestionsInput')),
      },
    ]);
  },
};
