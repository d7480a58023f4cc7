import { z } from 'zod';

/** As `node --cpu-prof` writes it: which function each sample fell into, and the microseconds since the one before. */
const profileSchema = z.object({
  startTime: z.number(),
  nodes: z.array(
    z.object({ id: z.number(), callFrame: z.object({ functionName: z.string(), url: z.string() }) }),
  ),
  samples: z.array(z.number()),
  timeDeltas: z.array(z.number()),
});

export interface Share {
  readonly part: string;
  /** Of the time the process was busy. */
  readonly share: number;
}

/** Microseconds of the system's monotonic clock, which a profile goes by, too. */
export interface Period {
  readonly fromUs: number;
  readonly toUs: number;
}

/** Where the processor's time went meanwhile: to our own folders, to packages, to Node's modules and to the engine. */
export function toShares(json: string, { fromUs, toUs }: Period): readonly Share[] {
  const { nodes, startTime, samples, timeDeltas } = profileSchema.parse(JSON.parse(json));
  const partOf = new Map(nodes.map(({ id, callFrame }) => [id, toPart(callFrame)]));
  const times = new Map<string, number>();
  let busy = 0;
  let now = startTime;
  for (const [index, id] of samples.entries()) {
    const part = partOf.get(id) ?? 'unknown';
    const time = timeDeltas[index] ?? 0;
    now += time;
    if (part === 'idle' || now < fromUs || now > toUs) continue;
    busy += time;
    times.set(part, (times.get(part) ?? 0) + time);
  }
  return [...times]
    .map(([part, time]) => ({ part, share: time / busy }))
    .sort((one, other) => other.share - one.share);
}

function toPart({ functionName, url }: { readonly functionName: string; readonly url: string }): string {
  if (functionName === '(idle)') return 'idle';
  if (functionName === '(garbage collector)') return 'garbage collection';
  const [, scoped] = /node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules\/)/u.exec(url) ?? [];
  if (scoped !== undefined) return `package ${scoped}`;
  const [, own] = /\/dist\/(src\/(?:[\w-]+)?)/u.exec(url) ?? [];
  if (own !== undefined) return `ours: ${own.replace(/\/$/u, '')}`;
  if (url.startsWith('node:')) return 'JavaScript of Node';
  if (/^(writev|writeUtf8String|writeLatin1String|writeBuffer|connect|shutdown)$/u.test(functionName)) {
    return 'system: writing to sockets';
  }
  return 'the engine and other native code';
}
