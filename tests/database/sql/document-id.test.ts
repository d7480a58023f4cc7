import { createDocumentId } from '../../../src/database/sql/document-id';

describe('createDocumentId', () => {
  it('looks like one of Strapi, and is another each time', () => {
    const ids = Array.from({ length: 20_000 }, createDocumentId);
    for (const id of ids) expect(id).toMatch(/^[a-z][a-z0-9]{23}$/u);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('uses every character it may, in every place', () => {
    const ids = Array.from({ length: 5_000 }, createDocumentId);
    const used = Array.from({ length: 24 }, (_, place) => new Set(ids.map((id) => id[place])).size);
    expect(used).toEqual([16, ...Array<number>(23).fill(32)]);
  });
});
