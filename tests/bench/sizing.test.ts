import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { readMeasurement } from '../../bench/sizing/figures';
import { neededShare, simulate, type TurnCost } from '../../bench/sizing/simulate';
import { sizingTable } from '../../bench/sizing/table';

const turn: TurnCost = {
  beginMs: 4,
  eventMs: 0.1,
  endMs: 4,
  events: 100,
  eventsPerSecond: 20,
  firstEventMs: 1_000,
};
const simulated = (cost: TurnCost, turnsPerMinute: number, seed = 1) => {
  const load = simulate(cost, { turnsPerMinute, turns: 10_000, seed });
  if (load === 'full') throw new Error('The process is full.');
  return load;
};

describe('simulation of a process', () => {
  it.each([0.3, 0.6, 0.8])('matches the delay of an M/D/1 queue with utilisation %d', (busy) => {
    const serviceMs = 10;
    const oneEach = { ...turn, beginMs: 0, endMs: 0, eventMs: serviceMs, events: 1 };
    const { utilisation, delayMs } = simulated(oneEach, (busy * 60_000) / serviceMs);
    const expected = serviceMs * (1 + busy / (2 * (1 - busy)));

    expect(Math.abs(utilisation - busy)).toBeLessThan(0.02);
    expect(Math.abs(delayMs.mean / expected - 1)).toBeLessThan(0.1);
  });

  it.each([60, 600, 2_000])(
    'matches rate times cost and rate times duration at %d turns a minute',
    (rate) => {
      const load = simulated(turn, rate);

      expect(Math.abs(load.utilisation / neededShare(turn, rate) - 1)).toBeLessThan(0.03);
      expect(Math.abs(load.running / ((rate / 60) * 6) - 1)).toBeLessThan(0.03);
    },
  );

  it('lets an event of a lone turn wait for nothing', () => {
    const { p50, p99 } = simulated(turn, 0.01).delayMs;

    expect([p50, p99].map((delay) => delay.toFixed(3))).toEqual(['0.100', '0.100']);
  });

  it('is repeatable with one seed, and differs with another', () => {
    expect(simulated(turn, 600)).toEqual(simulated(turn, 600));
    expect(simulated(turn, 600, 2)).not.toEqual(simulated(turn, 600));
  });

  it('returns "full" instead of a delay for a process without spare time', () => {
    expect(simulate(turn, { turnsPerMinute: 4_000, turns: 1_000, seed: 1 })).toBe('full');
    expect(simulate(turn, { turnsPerMinute: 3_300, turns: 1_000, seed: 1 })).toBe('full');
  });
});

const round = (kind: string, factor = 1) => ({
  'paced-cpu': { [`ours/${kind}`]: 100 * factor },
  'turn-cpu': { [`ours/${kind}`]: 10 * factor },
  list: { [`ours/${kind}@large`]: 5 * factor },
  memory: { [`ours/${kind}`]: 50 * factor },
  'memory-idle': { [`ours/${kind}`]: 300 * factor },
  'start-memory': { [`ours/${kind}`]: 250 * factor },
});

function result(rounds: readonly Record<string, Record<string, number>>[]) {
  const ids = [...new Set(rounds.flatMap((one) => Object.keys(one)))];
  return {
    startedAt: '2026-01-31T12:00:00.000Z',
    machine: { processors: '2 × Sample', memoryGb: 16, system: 'Linux' },
    quiet: { paced: { idle: 1, isQuiet: true } },
    series: ids.map((id) => ({ id, title: id, unit: '', rounds: rounds.map((one) => one[id] ?? {}) })),
  };
}

describe('sizing table', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'chat-sizing-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const saved = (content: string) => {
    const file = path.join(folder, 'benchmark.json');
    writeFileSync(file, content);
    return file;
  };
  const tableOf = (content: unknown) => sizingTable(readMeasurement(saved(JSON.stringify(content))), 1_000);

  it('uses the medians of each measured database', () => {
    const rounds = [round('sqlite'), round('sqlite', 9), round('sqlite', 0.9), round('postgres', 2)];

    const [, sqlite, postgres] = tableOf(result(rounds)).split(/^\*\*(?=SQLite|PostgreSQL)/mu);
    expect(sqlite).toContain('An event 100 µs, a turn 10.0 ms, a page 5.00 ms; 300 MB');
    expect(postgres).toContain('An event 200 µs');
  });

  it('shows the rate at which a process is full, and the number of processes; SQLite allows only one', () => {
    const table = tableOf(result([round('sqlite'), round('postgres')]));
    const rows = table.split('\n').filter((line) => /^\| \d/u.test(line));

    // A turn costs 300 events of 0.1 ms, 10 ms for itself and a page of 5 ms: 45 ms in all.
    expect(rows).toHaveLength(12);
    expect(rows[7]).toMatch(/^\| 300 \| [56]\d \| 2\d % \| 0\.\d+ \/ \d.* ms \| 30\d MB \| 1 \|$/u);
    expect(rows[4]).toBe('| 2,400 |  | full |  |  | PostgreSQL |');
    expect(rows[10]).toBe('| 2,400 |  | full |  |  | 3 |');
  });

  it('has lines of at most 120 characters', () => {
    const table = tableOf(result([round('sqlite'), round('postgres')]));

    expect(table.split('\n').filter((line) => [...line].length > 120)).toEqual([]);
  });

  it('mentions a busy machine and the measured bytes per message', () => {
    const quiet = { list: { idle: 0.2, isQuiet: false } };
    const bytes = { 'message-bytes': { 'ours/sqlite@large': 1234.5 } };

    expect(tableOf({ ...result([{ ...round('sqlite'), ...bytes }]), quiet })).toMatch(
      /machine was busy.*1,235 bytes/su,
    );
    expect(tableOf(result([round('sqlite')]))).not.toMatch(/busy|bytes/u);
  });

  it('throws without the result of a complete run', () => {
    const { list: _list, ...partly } = round('sqlite');

    expect(() => readMeasurement(path.join(folder, 'none.json'))).toThrow('a whole run (npm run bench)');
    expect(() => readMeasurement(saved('{'))).toThrow('is not a result of this benchmark');
    expect(() => tableOf({ series: [] })).toThrow('is not a result of this benchmark');
    expect(() => tableOf(result([]))).toThrow('of no database');
    expect(() => tableOf(result([partly]))).toThrow('has no "list" of ours/sqlite@large');
  });
});
