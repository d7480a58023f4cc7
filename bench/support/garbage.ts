import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

import { WebSocket } from 'ws';

import type { OwnProcess } from './processes';

/** Node option: a debugger, once requested, listens on any free port. Before that it costs nothing. */
export const debuggable = '--inspect-port=0';

const opensWithinMs = 5_000;
/** Node returns freed pages to the system in the background. */
const settleMs = 300;

/**
 * Collects the garbage of a Node process, so that only memory in use remains. An open debugger slows the process down:
 * do not measure anything else of the process afterwards.
 * @throws Error when the debugger does not open.
 */
export async function collectGarbage({ pid, logFile }: OwnProcess): Promise<void> {
  const socket = new WebSocket(await openDebugger(pid, logFile));
  try {
    await once(socket, 'open');
    for (let id = 1; id <= 2; id += 1) {
      socket.send(JSON.stringify({ id, method: 'HeapProfiler.collectGarbage' }));
      await once(socket, 'message');
    }
    await pause(settleMs);
  } finally {
    socket.terminate();
  }
}

async function openDebugger(pid: number, logFile: string): Promise<string> {
  for (let waitedMs = 0; waitedMs < opensWithinMs; waitedMs += 50) {
    const address = /Debugger listening on (ws:\S+)/u.exec(readFileSync(logFile, 'utf8'))?.[1];
    if (address !== undefined) return address;
    if (waitedMs === 0) process.kill(pid, 'SIGUSR1');
    await pause(50);
  }
  throw new Error('The debugger did not open.');
}
