/**
 * Requests one page in a loop, each time on a new connection. It is a separate process, so that busy tests do not delay
 * it. The parent sends `start` and `stop`. After `stop` it receives two numbers of milliseconds since `start`: the
 * slowest reply, and the most CPU time that the server used before a reply. Other load on the machine does not
 * affect the second number. It is only known on Linux; elsewhere it equals the reply time.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import http from 'node:http';

const [, , url = '', path = '', token = '', serverPid = ''] = process.argv;
const agent = new http.Agent({ keepAlive: false });

async function request(): Promise<void> {
  const sent = http.get(`${url}${path}`, { agent, headers: { Authorization: `Bearer ${token}` } });
  const [response] = (await once(sent, 'response')) as [http.IncomingMessage];
  response.resume();
  await once(response, 'end');
  if (response.statusCode !== 200) throw new Error(`${path} replied ${response.statusCode}.`);
}

/** Returns the CPU time of the main thread of the server so far. */
function workedMs(): number | null {
  try {
    return Number(readFileSync(`/proc/${serverPid}/task/${serverPid}/schedstat`, 'utf8').split(' ')[0]) / 1e6;
  } catch {
    return null;
  }
}

async function main(): Promise<void> {
  let isProbing = false;
  let worst = { ms: 0, workedMs: 0 };
  const probe = async () => {
    while (isProbing) {
      const [since, workedBefore] = [performance.now(), workedMs()];
      await request();
      const ms = performance.now() - since;
      const worked = workedBefore === null ? ms : (workedMs() ?? 0) - workedBefore;
      worst = { ms: Math.max(worst.ms, ms), workedMs: Math.max(worst.workedMs, worked) };
    }
  };
  for (let warm = 0; warm < 20; warm += 1) await request();
  process.send?.('ready');
  let probing = Promise.resolve();
  for (;;) {
    const [word] = (await once(process, 'message')) as [unknown];
    if (word === 'end') break;
    isProbing = word === 'start';
    if (isProbing) {
      worst = { ms: 0, workedMs: 0 };
      probing = probe();
    } else {
      await probing;
    }
    process.send?.(`${worst.ms} ${worst.workedMs}`);
  }
  agent.destroy();
  process.disconnect();
}

void main();
