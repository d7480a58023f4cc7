import { z } from 'zod';

/** The format of `node --cpu-prof`: the function of each sample, and the microseconds since the previous sample. */
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
  /** Share of the time in which the process was busy. */
  readonly share: number;
}

/** Microseconds of the system's monotonic clock, which profiles use, too. */
export interface Period {
  readonly fromUs: number;
  readonly toUs: number;
}

/** Returns the shares of processor time for our folders, for packages, for Node's modules and for the engine. */
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
