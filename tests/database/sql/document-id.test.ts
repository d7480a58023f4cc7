import { createDocumentId } from '../../../src/database/sql/document-id';

describe('createDocumentId', () => {
  it('returns a unique id in the format of Strapi', () => {
    const ids = Array.from({ length: 20_000 }, createDocumentId);
    for (const id of ids) expect(id).toMatch(/^[a-z][a-z0-9]{23}$/u);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('uses every allowed character at every position', () => {
    const ids = Array.from({ length: 5_000 }, createDocumentId);
    const used = Array.from({ length: 24 }, (_, place) => new Set(ids.map((id) => id[place])).size);
    expect(used).toEqual([16, ...Array<number>(23).fill(32)]);
  });
});
