/**
 * Reads as much as it can from a server, as several users at once, in a process of its own: what it is busy with delays
 * nothing its parent measures. Its parent says `start`; `export`, to wait for the first export that is complete; and
 * `stop`, which is answered with the number of replies by kind and status, as JSON.
 */
import { EventEmitter, once, setMaxListeners } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';

const [, , url = '', ...tokens] = process.argv;

const contains = (index: number) => `filters[$or][${index}][answer][$containsi]=nowhere ${index}`;
const tenTexts = Array.from({ length: 10 }, (_, index) => encodeURI(contains(index))).join('&');
const myList = '/api/chat-conversations/my-list';

/** What each user reads again and again, and how many at once: each another part of it. */
const kinds: readonly (readonly {
  readonly name: string;
  readonly path: string;
  readonly lanes: number;
}[])[] = [
  [{ name: 'ten texts', path: `${myList}?${tenTexts}`, lanes: 60 }],
  [
    { name: 'sorted', path: `${myList}?sort=answer:desc`, lanes: 2 },
    { name: 'last page', path: `${myList}?page=1000000&pageSize=100`, lanes: 2 },
    { name: 'first page', path: `${myList}?pageSize=100`, lanes: 4 },
    { name: 'search', path: '/api/chat/search?q=nowhere', lanes: 4 },
  ],
  [{ name: 'export', path: '/api/chat/export', lanes: 4 }],
];

const exported = 'export 200';

/** Comes again sooner than it is told to, but not as fast as it can: to count requests is a proxy's part. */
const refusedMs = () => 500 + 1_000 * Math.random();

let isReading = false;
let leave = new AbortController();
let replies: Record<string, number> = {};
const received = new EventEmitter();

async function read(name: string, path: string, token: string): Promise<void> {
  const headers = { Authorization: `Bearer ${token}` };
  const response = await fetch(`${url}${path}`, { headers, signal: leave.signal });
  // Read to its end, or cut off with an error.
  for await (const _ of response.body ?? []);
  const kind = `${name} ${response.status}`;
  replies[kind] = (replies[kind] ?? 0) + 1;
  received.emit(kind);
  if (response.status !== 200) await pause(refusedMs());
}

async function lane(name: string, path: string, token: string): Promise<void> {
  while (isReading) {
    await read(name, path, token).catch(async () => {
      if (isReading) replies[`${name} cut off`] = (replies[`${name} cut off`] ?? 0) + 1;
      await pause(refusedMs());
    });
  }
}

async function main(): Promise<void> {
  process.send?.('ready');
  let reading: Promise<unknown> = Promise.resolve();
  for (;;) {
    const [word] = (await once(process, 'message')) as [unknown];
    if (word === 'end') break;
    if (word === 'export') {
      if (!(exported in replies)) await once(received, exported);
      process.send?.('complete');
      continue;
    }
    isReading = word === 'start';
    if (isReading) {
      [replies, leave] = [{}, new AbortController()];
      setMaxListeners(0, leave.signal);
      const all = tokens.flatMap((token, index) =>
        (kinds[index % kinds.length] ?? []).flatMap(({ name, path, lanes }) =>
          Array.from({ length: lanes }, () => lane(name, path, token)),
        ),
      );
      reading = Promise.all(all);
    } else {
      leave.abort();
      await reading;
    }
    process.send?.(JSON.stringify(replies));
  }
  process.disconnect();
}

void main();
