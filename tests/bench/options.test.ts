import { parseOptions } from '../../bench/options';

describe('the options of the benchmark', () => {
  it('are a whole run by themselves, and only that goes into docs', () => {
    expect(parseOptions([])).toMatchObject({
      rounds: 7,
      databases: ['sqlite', 'postgres'],
      out: 'docs/benchmarks',
      force: false,
    });
    for (const part of [['--quick'], ['--only', 'turn'], ['--database', 'sqlite'], ['--force']]) {
      expect(parseOptions(part)?.out).toBe('.tmp/bench');
    }
  });

  it('take measures, a database and rounds', () => {
    expect(
      parseOptions(['--only', 'turn', '--only', 'list', '--database', 'postgres', '--rounds', '2']),
    ).toMatchObject({
      measures: ['turn', 'list'],
      databases: ['postgres'],
      rounds: 2,
    });
  });

  it('are a rough look with --quick', () => {
    const options = parseOptions(['--quick']);

    expect(options).toMatchObject({ rounds: 2, databases: ['sqlite'] });
    expect(options?.measures).not.toContain('memory');
    expect(parseOptions(['--quick', '--only', 'memory'])?.measures).toEqual(['memory']);
  });

  it('compare with another revision by --against, and leave out what that does not need', () => {
    const options = parseOptions(['--against', 'HEAD~1']);

    expect(options).toMatchObject({ against: 'HEAD~1', out: '.tmp/bench', rounds: 7 });
    expect(options?.measures).toEqual(['paced', 'burst', 'turn', 'first', 'rush', 'memory']);
    expect(parseOptions(['--against', 'main', '--only', 'turn'])?.measures).toEqual(['turn']);
    expect(parseOptions([])?.against).toBeNull();
  });

  it('refuse what they do not know', () => {
    expect(() => parseOptions(['--only', 'speed'])).toThrow('--only takes paced');
    expect(() => parseOptions(['--database', 'mysql'])).toThrow('not "mysql"');
    expect(() => parseOptions(['--rounds', '0'])).toThrow('--rounds');
    expect(() => parseOptions(['--fast'])).toThrow();
  });

  it('ask for the sizing table of a result instead, and of nothing else', () => {
    expect(parseOptions([])?.sizing).toBeNull();
    expect(parseOptions(['--sizing'])?.sizing).toBe('docs/benchmarks/benchmark.json');
    expect(parseOptions(['--sizing', 'a.json'])?.sizing).toBe('a.json');
    for (const more of [['--quick'], ['a.json', 'b.json'], ['a.json', '--rounds', '2']]) {
      expect(() => parseOptions(['--sizing', ...more])).toThrow('--sizing takes one file');
    }
    expect(() => parseOptions(['a.json'])).toThrow('"a.json" belongs to no option');
  });

  it('show the usage instead', () => {
    expect(parseOptions(['--help'])).toBeNull();
  });
});
