import { readFileSync } from 'node:fs';
import path from 'node:path';

import { views, type View } from '../../../src/strapi/startup/admin-views';

interface Attribute {
  readonly visible?: boolean;
}

/** Returns the attributes of the schema that the admin panel can show. */
function attributesOf({ uid }: View): string[] {
  const name = uid.split('.').at(-1) ?? '';
  const file = path.resolve('src/api', name, 'content-types', name, 'schema.json');
  const { attributes } = JSON.parse(readFileSync(file, 'utf8')) as { attributes: Record<string, Attribute> };
  return Object.keys(attributes).filter((attribute) => attributes[attribute]?.visible !== false);
}

describe.each(views.map((view) => [view.uid, view] as const))('the labels of %s', (_uid, view) => {
  it('name every field that the admin panel can show', () => {
    expect(attributesOf(view).filter((name) => view.labels[name] === undefined)).toEqual([]);
  });

  it('name no two fields alike', () => {
    const labels = Object.values(view.labels).map(([label]) => label);
    expect(labels.filter((label, index) => labels.indexOf(label) !== index)).toEqual([]);
  });
});

it('the label "Answered by" only names who answers for a character', () => {
  const named = views.flatMap(({ uid, labels }) =>
    Object.entries(labels).flatMap(([name, [label]]) => (label === 'Answered by' ? [[uid, name]] : [])),
  );
  expect(named).toEqual([['api::ai-character.ai-character', 'upstream']]);
});
