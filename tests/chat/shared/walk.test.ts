import { type After, walk } from '../../../src/chat/shared/walk';
import { collect } from '../support/collect';

const rows = Array.from({ length: 250 }, (_, index) => ({ id: 10 * (index + 1) }));

function reader() {
  const asked: After[] = [];
  const read = async ({ id, limit }: After) => {
    asked.push({ id, limit });
    return rows.filter((row) => row.id > id).slice(0, limit);
  };
  return { asked, read, limits: () => asked.map(({ limit }) => limit) };
}
const short = () => 100;

describe('walk', () => {
  it('reads all rows once, in order, in growing pages', async () => {
    const { asked, read } = reader();
    const pages = await collect(walk(read, { id: 0, limit: Infinity }, short));
    expect(pages.flat()).toEqual(rows);
    expect(asked).toEqual([
      { id: 0, limit: 20 },
      { id: 200, limit: 40 },
      { id: 600, limit: 80 },
      { id: 1_400, limit: 160 },
    ]);
  });

  it('reads only the requested part after a row', async () => {
    const { asked, read } = reader();
    const pages = await collect(walk(read, { id: 500, limit: 70 }, short));
    expect(pages.flat()).toEqual(rows.slice(50, 120));
    expect(asked.at(-1)).toEqual({ id: 1_100, limit: 10 });
  });

  it('reads long items in small pages, down to one item', async () => {
    const { read, limits } = reader();
    await collect(walk(read, { id: 0, limit: 60 }, ({ id }) => (id <= 400 ? 20_000 : 900_000)));
    expect(limits().slice(0, 5)).toEqual([20, 10, 10, 10, 1]);
  });

  it('yields nothing if no row exists', async () => {
    expect(await collect(walk(reader().read, { id: 2_500, limit: 5 }, short))).toEqual([]);
  });

  it('reads the next page only on demand', async () => {
    const { asked, read } = reader();
    for await (const page of walk(read, { id: 0, limit: Infinity }, short)) {
      expect(page).toHaveLength(20);
      break;
    }
    expect(asked).toHaveLength(1);
  });
});
