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

describe('the verdict', () => {
  it.each([
    [20, 'aim'],
    [30, 'must'],
    [31, 'missed'],
  ])('of %i beside 10 is: %s', (ours, verdict) => {
    expect(judge(goal, [cpu(ours), late(12)]).verdict).toBe(verdict);
  });

  it('is no verdict where events came late: waiting is cheap', () => {
    expect(judge(goal, [cpu(20), late(500)]).verdict).toBe('late');
  });

  it('needs the peer', () => {
    const judged = judge(goal, [series('cpu', [{ 'ours/sqlite': 1 }])]);

    expect(judged).toMatchObject({ verdict: 'not measured', spread: null });
  });

  it('is asked for on each database, against the peer on the same one', () => {
    const goals = goalsFor(['sqlite', 'postgres']);
    const ofTurns = goals.filter((one) => one.series === 'turn-cpu');

    expect(ofTurns.map(({ target, against }) => [target, against])).toEqual([
      ['ours/sqlite', 'stock/sqlite'],
      ['ours/postgres', 'stock/postgres'],
    ]);
    expect(goals.every(({ must, aim }) => aim <= must)).toBe(true);
  });

  it('is asked for against another revision, where there is one', () => {
    const goals = goalsFor(['sqlite'], true).map(({ series, against }) => [series, against]);

    expect(goals).toContainEqual(['turn-cpu', 'before/sqlite']);
    expect(goals).toContainEqual(['memory', undefined]);
  });
});

describe('the table', () => {
  it('has columns as wide as their cells', () => {
    expect(
      toTable([
        ['', 'median'],
        ['ours', '1.00'],
        ['nginx', '12.5'],
      ]),
    ).toBe('       median\nours     1.00\nnginx    12.5');
  });

  it('shows median and reach of each target', () => {
    const table = seriesTable(series('cpu', [{ ours: 1 }, { ours: 3 }, { ours: 2, nginx: 0.25 }]));

    expect(table).toMatch(/^ours +2\.00 +1\.00 – 3\.00$/mu);
    expect(table).toMatch(/^nginx +0\.250 /mu);
  });

  it('shows three digits', () => {
    expect([1234.5, 123.4, 12.34, 1.234, 0.1234].map(toShort)).toEqual([
      '1235',
      '123',
      '12.3',
      '1.23',
      '0.123',
    ]);
  });
});

describe('the chart', () => {
  const bars = [
    { name: 'nginx', value: 10, min: 9, max: 20, isOurs: false },
    { name: 'ours <&>', value: 5, min: 5, max: 5, isOurs: true },
  ];
  const svg = toSvg(
    { title: 'Cost', notes: ['npm run bench'], panels: [{ title: 'CPU', unit: 'µs', bars }] },
    toShort,
  );

  it('draws bars to one scale, the longest round as wide as there is room', () => {
    const lengths = [...svg.matchAll(/<rect [^>]*width="([\d.]+)"/gu)].map((match) => Number(match[1]));

    expect(lengths).toEqual([260, 130]);
  });

  it('says what was run, and escapes what it is given', () => {
    expect(svg).toContain('npm run bench');
    expect(svg).toContain('ours &lt;&amp;&gt;');
    expect(svg).toMatch(/^<svg [^>]*viewBox="0 0 860 \d+"/u);
  });

  it('draws figures of nothing as no bar', () => {
    const [bar] = bars;
    const empty = bar === undefined ? [] : [{ ...bar, value: -3, min: -3, max: 0 }];

    expect(
      toSvg({ title: '', notes: [], panels: [{ title: '', unit: '', bars: empty }] }, toShort),
    ).toContain('width="0.0"');
  });
});
