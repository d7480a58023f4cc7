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

describe('parsers of /proc', () => {
  it('read the nanoseconds of running from schedstat, not those of waiting', () => {
    expect(parseSchedstat('123456789012345678 42 7\n')).toBe(123456789012345678n);
    expect(() => parseSchedstat('nothing')).toThrow('Invalid schedstat');
  });

  it('read the resident memory from status', () => {
    expect(parseResident('VmPeak:\t  900 kB\nVmRSS:\t  1234 kB\nRssAnon:\t 99 kB\n')).toBe(1234 * 1024);
    expect(() => parseResident('Name:\tkthreadd\n')).toThrow('VmRSS');
  });

  it('count waiting for a disk as idle, but not the time that a hypervisor took', () => {
    const before = parseCpuTicks('cpu  100 0 100 700 100 0 0 0 0 0\ncpu0 1 2 3 4 5 6 7 8 9 10\n');
    const after = parseCpuTicks('cpu  150 0 100 740 105 0 0 5 0 0\ncpu0 1 2 3 4 5 6 7 8 9 10\n');

    expect(before).toEqual({ idle: 800, all: 1000 });
    expect(idleShare(before, after)).toBeCloseTo(0.45);
  });

  (isLinux ? it : it.skip)('measure the CPU time and the memory of this process', () => {
    const before = cpuUs([process.pid]);
    const untilMs = Date.now() + 50;
    while (Date.now() < untilMs) readFileSync('/proc/self/stat');

    expect(cpuUs([process.pid]) - before).toBeGreaterThan(1_000);
    expect(residentBytes([process.pid])).toBeGreaterThan(10 * 1024 * 1024);
  });
});
