import type { Core } from '@strapi/strapi';

const inputSize = { default: 12, isResizable: true } as const;

/** The inputs of the form (`src/admin/form`). Strapi uses their types for the database, so the columns stay the same. */
const customFields = [
  { name: 'character-prompt', type: 'text', inputSize },
  { name: 'suggested-questions', type: 'json', inputSize },
] as const;

/** Call it in `register`, because Strapi then replaces the custom fields by their types. */
export function registerCustomFields(strapi: Core.Strapi): void {
  strapi.customFields.register([...customFields]);
}
