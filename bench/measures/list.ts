import { statfsSync } from 'node:fs';

import { z } from 'zod';

import type { LoadClient } from '../load/client';
import type { BenchDatabase, Databases } from '../support/database';
import type { DatabaseKind } from '../support/database-kind';
import { bytesOfTable } from '../support/disk';
import { fill } from '../support/fill';
import { quantile, type Round } from '../support/statistics';
import type { Application } from '../targets/strapi-process';
import { createStrapiTarget, type StrapiTarget } from '../targets/strapi';
import { toRequest } from '../targets/target';
import { joined, runRounds, type Measured } from './series';
import type { Sizes } from './sizes';

export interface ListContext {
  readonly client: LoadClient;
  readonly databases: Databases;
  readonly kinds: readonly DatabaseKind[];
  readonly rounds: number;
  readonly sizes: Sizes;
  readonly workFolder: string;
  readonly say: (line: string) => void;
}

const pageSize = 20;
const deepPage = 500;
/** Enough rows to fill page 500. */
const ownRows = pageSize * (deepPage + 12);

/** Names of the amounts, from smallest to largest. */
export const amountNames = ['small', 'large', 'huge'] as const;
type AmountName = (typeof amountNames)[number];

interface ListTarget {
  readonly name: string;
  readonly port: number;
  readonly request: string;
  readonly times: number;
}

/** Measures pages of a history, one database kind after the other. Both kinds together would need twice the disk. */
export async function measureList(context: ListContext): Promise<Measured> {
  const parts: Measured[] = [];
  for (const kind of context.kinds) parts.push(await measureKind(context, kind));
  const [first] = parts;
  if (first === undefined) return { series: [], failures: [] };
  const { failures } = joined(parts);
  // Both kinds have the same series, so the rounds of both are merged.
  const series = first.series.map((one) => ({
    ...one,
    rounds: one.rounds.map((_round, index) =>
      Object.fromEntries(
        parts.flatMap((part) =>
          Object.entries(part.series.find(({ id }) => id === one.id)?.rounds[index] ?? {}),
        ),
      ),
    ),
  }));
  return { series, failures };
}

async function measureKind(context: ListContext, kind: DatabaseKind): Promise<Measured> {
  const { client, sizes } = context;
  const started: StrapiTarget[] = [];
  try {
    const messageBytes = await startFilled(context, kind, started);
    const targets = await Promise.all(started.map((target) => toListTargets(target, sizes)));
    const { series, failures } = await runRounds({
      ...context,
      measure: 'list',
      targets: targets.flat(),
      nameOf: ({ name }) => name,
      warmUp: true,
      series: {
        list: {
          title: `A page of ${pageSize} of one's own ${ownRows} messages of ${inAll(sizes)}`,
          unit: 'ms',
        },
      },
      async run({ port, request, times }) {
        const page = { port, request, times, contains: '"documentId":"messagedocum', count: pageSize };
        return { list: quantile((await client.pages(page)).ms, 0.5) };
      },
    });
    const disk = { id: 'message-bytes', title: 'A message on disk, with its indexes', unit: 'bytes' };
    return { series: [...series, { ...disk, rounds: [messageBytes] }], failures };
  } finally {
    for (const target of started) {
      await target.stop();
      await target.database.drop();
    }
  }
}

/** @returns e.g. `10240 (small), 1000000 (large)`. */
function inAll({ rows }: Sizes): string {
  return rows.map((count, index) => `${count} (${amountNames[index] ?? ''})`).join(', ');
}

interface Filled {
  readonly application: Application;
  readonly rows: number;
  readonly amount: AmountName;
}

function whatToFill(context: ListContext, kind: DatabaseKind): Filled[] {
  return context.sizes.rows.flatMap((rows, index): Filled[] => {
    const amount = amountNames[index] ?? 'huge';
    if (!hasDisk(context, rows)) {
      context.say(`!!! LEFT OUT: list: ${rows} rows on ${kind}: the disk is too small for them.`);
      return [];
    }
    const ours: Filled = { application: 'ours', rows, amount };
    return amount === 'large' ? [ours, { ...ours, application: 'stock' }] : [ours];
  });
}

/**
 * Lets each application create its database, stops it, fills the database, and starts it again. It fills one database
 * after the other, because filling SQLite blocks this process.
 * @param started receives the targets, which the caller must stop in any case.
 * @returns the bytes of a message on disk, by the name of the target.
 */
async function startFilled(
  context: ListContext,
  kind: DatabaseKind,
  started: StrapiTarget[],
): Promise<Round> {
  const { databases, workFolder, say } = context;
  const created = await Promise.all(
    whatToFill(context, kind).map(async ({ application, rows, amount }) => {
      const database = await databases.create(kind);
      const name = `${application}/${kind}@${amount}`;
      const target = await createStrapiTarget({
        name,
        application,
        database,
        upstreamPort: 9,
        workFolder,
        users: 1,
      });
      started.push(target);
      return { target, rows };
    }),
  );
  const messageBytes: Record<string, number> = {};
  for (const { target, rows } of created) {
    await target.stop();
    const beganAt = Date.now();
    await fillDatabase(target.database, {
      application: target.application,
      rows,
      callerId: target.users[0]?.id ?? 0,
    });
    const seconds = Math.round((Date.now() - beganAt) / 1000);
    say(`list: ${target.name}: filled with ${rows} rows in ${seconds} s`);
    if (isWeighed(target)) messageBytes[target.name] = (await bytesOfMessages(target.database)) / rows;
  }
  await Promise.all(created.map(({ target }) => target.restart()));
  return messageBytes;
}

/** Excludes the largest database: on SQLite, measuring it takes as long as reading the whole file. */
const isWeighed = ({ application, name }: StrapiTarget) => application === 'ours' && name.endsWith('@large');

async function toListTargets(target: StrapiTarget, { pages }: Sizes): Promise<ListTarget[]> {
  const { name, application } = target;
  if (application !== 'ours') {
    const times = Math.max(3, Math.ceil(pages / 6));
    return [toListTarget(target, name, { query: stockQuery, times })];
  }
  const first = toListTarget(target, name, { query: '', times: pages });
  if (!name.endsWith('@large')) return [first];
  const query = `?cursor=${await cursorOfPage(target, deepPage)}`;
  return [first, toListTarget(target, `${name} page ${deepPage}`, { query, times: pages })];
}

const stockQuery = `?sort=createdAt:desc&pagination[page]=1&pagination[pageSize]=${pageSize}`;

function toListTarget(
  target: StrapiTarget,
  name: string,
  { query, times }: { query: string; times: number },
): ListTarget {
  const path = target.application === 'ours' ? '/api/chat-conversations/my-list' : '/api/messages';
  const headers = { Authorization: `Bearer ${target.users[0]?.token ?? ''}` };
  const request = toRequest({ method: 'GET', path: path + query, headers, keepAlive: true });
  return { name, port: target.port(), request, times };
}

/** Space for rows with all their indexes, doubled for the time when indexes are built. */
const bytesOfRow = 3_000;

function hasDisk({ workFolder }: ListContext, rows: number): boolean {
  const { bavail, bsize } = statfsSync(workFolder);
  return bavail * bsize > rows * bytesOfRow;
}

async function fillDatabase(
  database: BenchDatabase,
  { application, rows, callerId }: { application: Application; rows: number; callerId: number },
): Promise<void> {
  const connection = database.connect();
  try {
    await fill(connection, { application, kind: database.kind, amounts: { rows, ownRows, callerId } });
  } finally {
    await connection.destroy();
  }
}

async function bytesOfMessages(database: BenchDatabase): Promise<number> {
  const connection = database.connect();
  try {
    return await bytesOfTable(connection, database.kind, 'chat_conversations');
  } finally {
    await connection.destroy();
  }
}

const pageSchema = z.object({
  data: z.array(z.unknown()),
  meta: z.object({ nextCursor: z.string().nullable() }),
});

/** Reads page after page, as a client does, until the cursor of this page. */
async function cursorOfPage(target: StrapiTarget, page: number): Promise<string> {
  let missing = (page - 1) * pageSize;
  let cursor: string | null = null;
  while (missing > 0) {
    const size = Math.min(missing, 100);
    const query: string = `?pageSize=${size}${cursor === null ? '' : `&cursor=${cursor}`}`;
    const response = await fetch(`${target.url()}/api/chat-conversations/my-list${query}`, {
      headers: { Authorization: `Bearer ${target.users[0]?.token ?? ''}` },
    });
    const { data, meta } = pageSchema.parse(await response.json());
    missing -= data.length;
    if (data.length !== size || meta.nextCursor === null) throw new Error('The list ended too early.');
    cursor = meta.nextCursor;
  }
  if (cursor === null) throw new Error('The first page has no cursor.');
  return cursor;
}
