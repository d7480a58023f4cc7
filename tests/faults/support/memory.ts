import { once } from 'node:events';
import { readFile } from 'node:fs/promises';

import WebSocket from 'ws';

export interface Memory {
  /** Resident memory of the process. 0 on systems without /proc. */
  readonly residentMb: number;
  /** Memory of the JavaScript heap and of buffers outside it. */
  readonly heldMb: number;
}

/**
 * Measures the memory of a process after a garbage collection, so that garbage does not count. The process must run
 * with `--inspect=127.0.0.1:<port>`.
 */
export async function memoryOf(pid: number, inspectorPort: number): Promise<Memory> {
  const targets = await fetch(`http://127.0.0.1:${inspectorPort}/json/list`);
  const [target] = (await targets.json()) as { webSocketDebuggerUrl: string }[];
  const socket = new WebSocket(target?.webSocketDebuggerUrl ?? '');
  await once(socket, 'open');
  let calls = 0;
  const call = async (method: string, params: unknown = {}) => {
    calls += 1;
    socket.send(JSON.stringify({ id: calls, method, params }));
    for (;;) {
      const [data] = (await once(socket, 'message')) as [Buffer];
      const reply = JSON.parse(data.toString('utf8')) as {
        id?: number;
        result: { result?: { value: string } };
      };
      if (reply.id === calls) return reply.result;
    }
  };
  // The second collection frees what finalizers of the first one released.
  for (let round = 0; round < 2; round += 1) await call('HeapProfiler.collectGarbage');
  const expression = 'JSON.stringify(process.memoryUsage())';
  const { result } = await call('Runtime.evaluate', { expression });
  socket.close();
  const usage = JSON.parse(result?.value ?? '{}') as { heapUsed: number; external: number };
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const residentKb = Number(/^VmRSS:\s+(\d+) kB$/mu.exec(status)?.[1] ?? 0);
  return { residentMb: residentKb / 1024, heldMb: (usage.heapUsed + usage.external) / 1024 ** 2 };
}
