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
  it('reads everything once, in order, in pages that grow', async () => {
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

  it('reads a part after a row, and no more than that', async () => {
    const { asked, read } = reader();
    const pages = await collect(walk(read, { id: 500, limit: 70 }, short));
    expect(pages.flat()).toEqual(rows.slice(50, 120));
    expect(asked.at(-1)).toEqual({ id: 1_100, limit: 10 });
  });

  it('reads long items a few at a time, and one where that is long enough', async () => {
    const { read, limits } = reader();
    await collect(walk(read, { id: 0, limit: 60 }, ({ id }) => (id <= 400 ? 20_000 : 900_000)));
    expect(limits().slice(0, 5)).toEqual([20, 10, 10, 10, 1]);
  });

  it('gives nothing where there is nothing', async () => {
    expect(await collect(walk(reader().read, { id: 2_500, limit: 5 }, short))).toEqual([]);
  });

  it('reads the next page only when it is asked for', async () => {
    const { asked, read } = reader();
    for await (const page of walk(read, { id: 0, limit: Infinity }, short)) {
      expect(page).toHaveLength(20);
      break;
    }
    expect(asked).toHaveLength(1);
  });
});
