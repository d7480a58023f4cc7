/**
 * Reads as much as possible from a server, as several users at the same time. It is a separate process, so that it does
 * not delay what its parent measures. The parent sends `start`, `export` and `stop`. The reply to `export` comes after
 * the first complete export. The reply to `stop` is JSON: the number of replies by kind and status.
 */
import { EventEmitter, once, setMaxListeners } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';

const [, , url = '', ...tokens] = process.argv;

const contains = (index: number) => `filters[$or][${index}][answer][$containsi]=nowhere ${index}`;
const tenTexts = Array.from({ length: 10 }, (_, index) => encodeURI(contains(index))).join('&');
const myList = '/api/chat-conversations/my-list';

/** The requests of each user and how many run at the same time. Each user has another kind. */
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

/** Retries earlier than the server asks, but not in a tight loop. Limiting requests is the job of a proxy. */
const refusedMs = () => 500 + 1_000 * Math.random();

let isReading = false;
let leave = new AbortController();
let replies: Record<string, number> = {};
const received = new EventEmitter();

async function read(name: string, path: string, token: string): Promise<void> {
  const headers = { Authorization: `Bearer ${token}` };
  const response = await fetch(`${url}${path}`, { headers, signal: leave.signal });
  // The body is read to its end, or fails with an error.
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
