import { readdirSync, readFileSync } from 'node:fs';

/** @returns the nanoseconds that a thread has run, from the text of its `schedstat`. */
export function parseSchedstat(text: string): bigint {
  const [, running] = /^(\d+) \d+ \d+\s*$/u.exec(text) ?? [];
  if (running === undefined) throw new Error(`Invalid schedstat: ${text}`);
  return BigInt(running);
}

/** Returns the CPU time of all living threads of these processes so far, in microseconds. */
export function cpuUs(pids: readonly number[]): number {
  let total = 0n;
  for (const pid of pids) {
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      try {
        total += parseSchedstat(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1'));
      } catch (error) {
        // The thread has ended meanwhile. Its time is lost, as that of all threads that ended earlier.
        if (
          (error as NodeJS.ErrnoException).code !== 'ENOENT' &&
          (error as NodeJS.ErrnoException).code !== 'ESRCH'
        )
          throw error;
      }
    }
  }
  return Number(total / 1000n);
}

/** @returns the resident memory in bytes, from the text of `/proc/PID/status`. */
export function parseResident(text: string): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/mu.exec(text) ?? [];
  if (kilobytes === undefined) throw new Error('The status has no VmRSS.');
  return Number(kilobytes) * 1024;
}

/** Returns the resident memory of these processes, in bytes. */
export function residentBytes(pids: readonly number[]): number {
  return pids
    .map((pid) => parseResident(readFileSync(`/proc/${pid}/status`, 'latin1')))
    .reduce((sum, bytes) => sum + bytes, 0);
}

/** Returns the direct child processes. */
export function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1')
    .trim()
    .split(' ')
    .filter((text) => text !== '')
    .map(Number);
}

/** Clock ticks of all processors together. */
export interface CpuTicks {
  readonly idle: number;
  readonly all: number;
}

/** Parses the line `cpu` of `/proc/stat`. Waiting for a disk counts as idle; steal time of other machines does not. */
export function parseCpuTicks(text: string): CpuTicks {
  const [, line = ''] = /^cpu +([\d ]+)$/mu.exec(text) ?? [];
  const [user = 0, nice = 0, system = 0, idle = 0, wait = 0, irq = 0, soft = 0, steal = 0] = line
    .split(' ')
    .map(Number);
  return { idle: idle + wait, all: user + nice + system + idle + wait + irq + soft + steal };
}

export function readCpuTicks(): CpuTicks {
  return parseCpuTicks(readFileSync('/proc/stat', 'latin1'));
}

/** Returns the share of all processors, 0 to 1, that was idle between two readings. */
export function idleShare(before: CpuTicks, after: CpuTicks): number {
  return after.all === before.all ? 1 : (after.idle - before.idle) / (after.all - before.all);
}
