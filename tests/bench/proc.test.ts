import { readFileSync } from 'node:fs';

import {
  cpuUs,
  idleShare,
  parseCpuTicks,
  parseResident,
  parseSchedstat,
  residentBytes,
} from '../../bench/support/proc';

const isLinux = process.platform === 'linux';

describe('what /proc says', () => {
  it('is in schedstat the nanoseconds that ran, not those that waited', () => {
    expect(parseSchedstat('123456789012345678 42 7\n')).toBe(123456789012345678n);
    expect(() => parseSchedstat('nothing')).toThrow('no schedstat');
  });

  it('is in status the resident memory', () => {
    expect(parseResident('VmPeak:\t  900 kB\nVmRSS:\t  1234 kB\nRssAnon:\t 99 kB\n')).toBe(1234 * 1024);
    expect(() => parseResident('Name:\tkthreadd\n')).toThrow('VmRSS');
  });

  it('is in stat what the processors did; waiting for a disk is idle, time taken by others is not', () => {
    const before = parseCpuTicks('cpu  100 0 100 700 100 0 0 0 0 0\ncpu0 1 2 3 4 5 6 7 8 9 10\n');
    const after = parseCpuTicks('cpu  150 0 100 740 105 0 0 5 0 0\ncpu0 1 2 3 4 5 6 7 8 9 10\n');

    expect(before).toEqual({ idle: 800, all: 1000 });
    expect(idleShare(before, after)).toBeCloseTo(0.45);
  });

  (isLinux ? it : it.skip)('counts what this process does', () => {
    const before = cpuUs([process.pid]);
    const untilMs = Date.now() + 50;
    while (Date.now() < untilMs) readFileSync('/proc/self/stat');

    expect(cpuUs([process.pid]) - before).toBeGreaterThan(1_000);
    expect(residentBytes([process.pid])).toBeGreaterThan(10 * 1024 * 1024);
  });
});
