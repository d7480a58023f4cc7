import { createClient } from 'redis';

import { startRedis } from '../tests/support/start-redis';

// Measures what one Redis needs for the events of running turns: its own processor time and memory. Other work on the
// machine matters little. Run: npm run bench:redis

/** The turn that docs/operations.md assumes: its events, and how many of them come in a second. */
const eventsOfTurn = 300;
const eventsPerSecond = 30;
const turns = 200;
/** A `message` in a part of a log is its text, and nothing else. */
const text = JSON.stringify('four words a delta ');

const open = (url: string) => createClient({ url });
type Client = ReturnType<typeof open>;

interface Way {
  /** Whether a reader at another node follows each turn. */
  readonly isFollowed: boolean;
  /** How many events of a turn come in one iteration of the event loop. */
  readonly perEntry: number;
}

interface Usage {
  readonly cpuSeconds: number;
  readonly bytes: number;
}

async function usageOf(client: Client): Promise<Usage> {
  const info = await client.sendCommand<string>(['INFO']);
  const numberOf = (name: string) => Number(new RegExp(`^${name}:([\\d.]+)`, 'mu').exec(info)?.[1]);
  return {
    cpuSeconds: numberOf('used_cpu_sys') + numberOf('used_cpu_user'),
    bytes: numberOf('used_memory'),
  };
}

/** Writes all events of all turns as `src/database/redis/sharing.ts` does. */
async function writeEvents(client: Client, { isFollowed, perEntry }: Way): Promise<void> {
  const json = `[${Array.from({ length: perEntry }, () => text).join(',')}]`;
  for (let lastId = perEntry; lastId <= eventsOfTurn; lastId += perEntry) {
    const firstId = String(lastId - perEntry + 1);
    const commands = Array.from({ length: turns }, (_, turn) => {
      const key = `turn:${turn}`;
      const add = ['XADD', key, `${lastId}-0`, firstId, json];
      return isFollowed ? [add, ['PUBLISH', key, `${firstId} ${lastId} ${json}`]] : [add];
    });
    await Promise.all(commands.flat().map((command) => client.sendCommand(command)));
  }
}

/** @returns a row of the table in docs/operations.md. */
async function measure(url: string, way: Way): Promise<string> {
  const [client, follower] = [open(url), open(url)];
  await Promise.all([client.connect(), follower.connect()]);
  await client.sendCommand(['FLUSHALL']);
  if (way.isFollowed) await follower.pSubscribe('turn:*', () => undefined);
  const before = await usageOf(client);
  await writeEvents(client, way);
  const after = await usageOf(client);
  client.destroy();
  follower.destroy();
  const eventUs = ((after.cpuSeconds - before.cpuSeconds) * 1e6) / (turns * eventsOfTurn);
  const rounded = (value: number) => Number(value.toPrecision(2)).toLocaleString('en-US');
  const cells = [
    way.perEntry,
    way.isFollowed ? 'all' : 'none',
    `${eventUs.toFixed(1)} µs`,
    rounded(1e6 / eventUs),
    rounded(1e6 / eventUs / eventsPerSecond),
    `${((after.bytes - before.bytes) / turns / 1024).toFixed(0)} KB`,
  ];
  return `| ${cells.join(' | ')} |\n`;
}

async function main(): Promise<void> {
  const server = await startRedis();
  try {
    for (const isFollowed of [false, true])
      for (const perEntry of [1, 5])
        process.stdout.write(await measure(server.url, { isFollowed, perEntry }));
  } finally {
    await server.close();
  }
}

void main();
