import type { Series } from '../../bench/measures/series';
import { toSvg } from '../../bench/report/chart';
import { goalsFor, type Goal } from '../../bench/report/goals';
import { seriesTable, toShort, toTable } from '../../bench/report/table';
import { judge } from '../../bench/report/verdict';

const series = (id: string, rounds: Series['rounds']): Series => ({ id, title: id, unit: 'ms', rounds });
const goal: Goal = {
  label: 'CPU',
  series: 'cpu',
  target: 'ours/sqlite',
  against: 'nginx',
  operation: 'ratio',
  must: 3,
  aim: 2,
  punctual: 'late',
};
const cpu = (ours: number) => series('cpu', [{ 'ours/sqlite': ours, nginx: 10 }]);
const late = (ours: number) => series('late', [{ 'ours/sqlite': ours, direct: 10 }]);

describe('verdict on a goal', () => {
  it.each([
    [20, 'aim'],
    [30, 'must'],
    [31, 'missed'],
  ])('for %i against 10 is "%s"', (ours, verdict) => {
    expect(judge(goal, [cpu(ours), late(12)]).verdict).toBe(verdict);
  });

  it('is "late" when events arrived late, because waiting costs little CPU', () => {
    expect(judge(goal, [cpu(20), late(500)]).verdict).toBe('late');
  });

  it('is "not measured" without the peer', () => {
    const judged = judge(goal, [series('cpu', [{ 'ours/sqlite': 1 }])]);

    expect(judged).toMatchObject({ verdict: 'not measured', spread: null });
  });

  it('exists for each database, against the peer on the same database', () => {
    const goals = goalsFor(['sqlite', 'postgres']);
    const ofTurns = goals.filter((one) => one.series === 'turn-cpu');

    expect(ofTurns.map(({ target, against }) => [target, against])).toEqual([
      ['ours/sqlite', 'stock/sqlite'],
      ['ours/postgres', 'stock/postgres'],
    ]);
    expect(goals.every(({ must, aim }) => aim <= must)).toBe(true);
  });

  it('exists against another revision when one is given', () => {
    const goals = goalsFor(['sqlite'], true).map(({ series, against }) => [series, against]);

    expect(goals).toContainEqual(['turn-cpu', 'before/sqlite']);
    expect(goals).toContainEqual(['memory', undefined]);
  });
});

describe('table of results', () => {
  it('has columns as wide as their cells', () => {
    expect(
      toTable([
        ['', 'median'],
        ['ours', '1.00'],
        ['nginx', '12.5'],
      ]),
    ).toBe('       median\nours     1.00\nnginx    12.5');
  });

  it('shows median, minimum and maximum of each target', () => {
    const table = seriesTable(series('cpu', [{ ours: 1 }, { ours: 3 }, { ours: 2, nginx: 0.25 }]));

    expect(table).toMatch(/^ours +2\.00 +1\.00 – 3\.00$/mu);
    expect(table).toMatch(/^nginx +0\.250 /mu);
  });

  it('shows numbers with three digits', () => {
    expect([1234.5, 123.4, 12.34, 1.234, 0.1234].map(toShort)).toEqual([
      '1235',
      '123',
      '12.3',
      '1.23',
      '0.123',
    ]);
  });
});

describe('chart of results', () => {
  const bars = [
    { name: 'nginx', value: 10, min: 9, max: 20, isOurs: false },
    { name: 'ours <&>', value: 5, min: 5, max: 5, isOurs: true },
  ];
  const svg = toSvg(
    { title: 'Cost', notes: ['npm run bench'], panels: [{ title: 'CPU', unit: 'µs', bars }] },
    toShort,
  );

  it('scales bars so that the longest one uses the whole width', () => {
    const lengths = [...svg.matchAll(/<rect [^>]*width="([\d.]+)"/gu)].map((match) => Number(match[1]));

    expect(lengths).toEqual([260, 130]);
  });

  it('shows the command, and escapes names', () => {
    expect(svg).toContain('npm run bench');
    expect(svg).toContain('ours &lt;&amp;&gt;');
    expect(svg).toMatch(/^<svg [^>]*viewBox="0 0 860 \d+"/u);
  });

  it('draws values below zero with width 0', () => {
    const [bar] = bars;
    const empty = bar === undefined ? [] : [{ ...bar, value: -3, min: -3, max: 0 }];

    expect(
      toSvg({ title: '', notes: [], panels: [{ title: '', unit: '', bars: empty }] }, toShort),
    ).toContain('width="0.0"');
  });
});
