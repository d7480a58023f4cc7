import { parseOptions } from '../../bench/options';

describe('options of the benchmark', () => {
  it('request a complete run by default, and write to docs only then', () => {
    expect(parseOptions([])).toMatchObject({
      rounds: 7,
      databases: ['sqlite', 'postgres'],
      out: 'docs/benchmarks',
      force: false,
      redis: false,
    });
    for (const part of [['--quick'], ['--only', 'turn'], ['--database', 'sqlite'], ['--force']]) {
      expect(parseOptions(part)?.out).toBe('.tmp/bench');
    }
  });

  it('accept measures, a database and a number of rounds', () => {
    expect(
      parseOptions(['--only', 'turn', '--only', 'list', '--database', 'postgres', '--rounds', '2']),
    ).toMatchObject({
      measures: ['turn', 'list'],
      databases: ['postgres'],
      rounds: 2,
    });
  });

  it('request a short run with --quick', () => {
    const options = parseOptions(['--quick']);

    expect(options).toMatchObject({ rounds: 2, databases: ['sqlite'] });
    expect(options?.measures).not.toContain('memory');
    expect(parseOptions(['--quick', '--only', 'memory'])?.measures).toEqual(['memory']);
  });

  it('compare with another revision by --against, without list and start', () => {
    const options = parseOptions(['--against', 'HEAD~1']);

    expect(options).toMatchObject({ against: 'HEAD~1', out: '.tmp/bench', rounds: 7 });
    expect(options?.measures).toEqual(['paced', 'burst', 'turn', 'first', 'rush', 'memory']);
    expect(parseOptions(['--against', 'main', '--only', 'turn'])?.measures).toEqual(['turn']);
    expect(parseOptions([])?.against).toBeNull();
  });

  it('reject unknown values', () => {
    expect(() => parseOptions(['--only', 'speed'])).toThrow('--only takes paced');
    expect(() => parseOptions(['--database', 'mysql'])).toThrow('not "mysql"');
    expect(() => parseOptions(['--rounds', '0'])).toThrow('--rounds');
    expect(() => parseOptions(['--fast'])).toThrow();
  });

  it('print the sizing table of a result with --sizing, without any other option', () => {
    expect(parseOptions([])?.sizing).toBeNull();
    expect(parseOptions(['--sizing'])?.sizing).toBe('docs/benchmarks/benchmark.json');
    expect(parseOptions(['--sizing', 'a.json'])?.sizing).toBe('a.json');
    for (const more of [['--quick'], ['a.json', 'b.json'], ['a.json', '--rounds', '2']]) {
      expect(() => parseOptions(['--sizing', ...more])).toThrow('--sizing takes one file');
    }
    expect(() => parseOptions(['a.json'])).toThrow('"a.json" belongs to no option');
  });

  it('request the usage with --help', () => {
    expect(parseOptions(['--help'])).toBeNull();
  });
});
