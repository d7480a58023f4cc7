import type { After } from '../../src/chat/session-access';
import { walk } from '../../src/chat/walk';
import { collect } from './support/collect';

const rows = Array.from({ length: 250 }, (_, index) => ({ id: 10 * (index + 1) }));

function reader() {
  const asked: After[] = [];
  const read = async ({ id, limit }: After) => {
    asked.push({ id, limit });
    return rows.filter((row) => row.id > id).slice(0, limit);
  };
  return { asked, read };
}

it('reads everything once, in order, page by page', async () => {
  const { asked, read } = reader();
  const pages = await collect(walk(read, { id: 0, limit: Infinity }));
  expect(pages.flat()).toEqual(rows);
  expect(asked).toEqual([
    { id: 0, limit: 100 },
    { id: 1_000, limit: 100 },
    { id: 2_000, limit: 100 },
  ]);
});

it('reads a part after a row, and no more than that', async () => {
  const { asked, read } = reader();
  const pages = await collect(walk(read, { id: 500, limit: 120 }));
  expect(pages.flat()).toEqual(rows.slice(50, 170));
  expect(asked).toEqual([
    { id: 500, limit: 100 },
    { id: 1_500, limit: 20 },
  ]);
});

it('gives nothing where there is nothing', async () => {
  expect(await collect(walk(reader().read, { id: 2_500, limit: 5 }))).toEqual([]);
});

it('reads the next page only when it is asked for', async () => {
  const { asked, read } = reader();
  for await (const page of walk(read, { id: 0, limit: Infinity })) {
    expect(page).toHaveLength(100);
    break;
  }
  expect(asked).toHaveLength(1);
});
