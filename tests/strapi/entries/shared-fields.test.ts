import schema from '../../../src/api/ai-character/content-types/ai-character/schema.json';
import { sharedFields } from '../../../src/strapi/entries/shared-fields';

interface Attribute {
  readonly type: string;
  readonly pluginOptions?: { readonly i18n?: { readonly localized?: boolean } };
}

describe('the fields that all locales of a character share', () => {
  it('are those that the schema does not localize', () => {
    const attributes = Object.entries<Attribute>(schema.attributes);
    const isLocalized = ({ pluginOptions }: Attribute) => pluginOptions?.i18n?.localized === true;
    const namesOf = (localized: boolean) =>
      attributes.filter(([, attribute]) => isLocalized(attribute) === localized).map(([name]) => name);
    expect(namesOf(false).sort()).toEqual([...sharedFields].sort());
    expect(namesOf(true).sort()).toEqual(['introduce', 'name', 'opening_statement', 'suggested_questions']);
  });
});
