import { readFileSync } from 'node:fs';

import { classTimeoutMs, scale } from '../../faults/support/scale';
import { openInThread } from './support/in-thread';
import { dayMs, record, someNoon } from './support/records';
import { createHistory } from './support/servers';

const rows = scale({ full: 1_000_000, smoke: 4_000 });
const days = 30;

/** Returns an id as random as that of a turn, so that writes touch the whole index. */
const idOf = (index: number) => `${Math.imul(index + 1, 0x9e3779b1) >>> 0}-${index}`;

/**
 * Measures the longest time in which this thread ran nothing else, until `stop()`. `cpuMs` leaves out the time that
 * other threads and processes took, such as the thread of the store.
 */
function watchBlocks(): { stop(): { wallMs: number; cpuMs: number; over50: number } } {
  const worst = { wallMs: 0, cpuMs: 0, over50: 0 };
  let isOn = true;
  let [time, cpu] = [performance.now(), ownCpuMs()];
  const look = () => {
    const [now, used] = [performance.now(), ownCpuMs()];
    const wallMs = now - time;
    worst.wallMs = Math.max(worst.wallMs, wallMs);
    worst.cpuMs = Math.max(worst.cpuMs, Math.min(wallMs, used - cpu));
    if (wallMs > 50) worst.over50 += 1;
    [time, cpu] = [now, used];
    if (isOn) setImmediate(look);
  };
  setImmediate(look);
  return {
    stop() {
      isOn = false;
      return worst;
    },
  };
}

/** Returns the CPU time of this thread, the first of the process. Systems other than Linux return all time instead. */
function ownCpuMs(): number {
  try {
    const [ns] = readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ');
    return Number(ns) / 1_000_000;
  } catch {
    return performance.now();
  }
}

describe.each([false, true])('pruning SQLite, with daily tables: %s', (isDaily) => {
  it(
    'never blocks the event loop of the caller for more than 50 ms',
    async () => {
      const history = await createHistory('sqlite');
      const store = openInThread(history.settings(isDaily));
      for (let index = 0; index < rows; index += 200) {
        const batch = Array.from({ length: 200 }, (_, part) => {
          const number = index + part;
          const conversation = (Math.floor(number / 10) * 7919) % (rows / 10);
          return record({
            recordId: idOf(number),
            conversationId: `session-${conversation}`,
            userDocumentId: `user${1 + (conversation % 1_000)}`,
            messages: [{ role: 'user', content: 'Question '.repeat(20) }],
            response: { text: 'Answer '.repeat(100) },
            createdAt: new Date(someNoon - Math.floor((number / rows) * days * dayMs)),
          });
        });
        await store.save(batch);
      }
      const started = performance.now();
      const blocks = watchBlocks();
      const removed = await store.prune('2025-02-01', new AbortController().signal);
      const { wallMs, cpuMs, over50 } = blocks.stop();
      const seconds = ((performance.now() - started) / 1_000).toFixed(1);
      process.stdout.write(
        `history · sqlite${isDaily ? ', days' : ''} · pruned ${removed} rows in ${seconds} s: worst block ` +
          `${wallMs.toFixed(1)} ms, of which ${cpuMs.toFixed(1)} ms of processor; ${over50} over 50 ms\n`,
      );

      expect(removed).toBe(rows);
      expect(await store.countConversations('everybody')).toBe(0);
      // The test only prints the wall time, because other processes of the machine affect it.
      expect(cpuMs).toBeLessThanOrEqual(50);
      await store.close();
      await history.drop();
    },
    classTimeoutMs,
  );
});
