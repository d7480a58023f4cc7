import { isRecord } from '../requests';
import { endings } from './endings';
import type { FaultKind, FaultParams } from './fault';
import { framings } from './framing';
import { lastEvents } from './last-events';
import { oddities } from './oddities';
import { refusals } from './refusals';

/** All faults by name. */
export const faults = { ...framings, ...oddities, ...endings, ...lastEvents, ...refusals };

export type FaultName = keyof typeof faults;

/** `'stall'`, or `{ name: 'stall', after: 1 }` with parameters. */
export type Fault =
  FaultName | { [N in FaultName]: { readonly name: N } & Partial<(typeof faults)[N]['params']> }[FaultName];

/** A fault with all its parameters. */
export type ReadyFault = { readonly name: FaultName; readonly kind: FaultKind; readonly params: FaultParams };

export const faultNames = Object.keys(faults) as FaultName[];

/** Parses a fault from a caller, from another process or from a query. @throws TypeError that names the problem. */
export function readyFault(input: unknown): ReadyFault {
  const { name, ...given } = isRecord(input) ? input : { name: input };
  if (typeof name !== 'string' || !isFaultName(name)) {
    throw new TypeError(`No fault is called ${JSON.stringify(name)}. Known faults: ${faultNames.join(', ')}`);
  }
  // The faults have different types. From here, each parameter is checked against its default.
  const kind = faults[name] as unknown as FaultKind;
  return { name, kind, params: { ...kind.params, ...checkParams(name, kind.params, given) } };
}

function isFaultName(name: string): name is FaultName {
  return Object.hasOwn(faults, name);
}

function checkParams(name: string, defaults: FaultParams, given: Record<string, unknown>): FaultParams {
  const checked = Object.entries(given).map(([param, value]) => {
    const usual = defaults[param];
    if (usual === undefined) throw new TypeError(`The fault "${name}" has no parameter "${param}"`);
    const converted = typeof usual === 'number' ? Number(value) : String(value);
    if (Number.isNaN(converted)) throw new TypeError(`"${param}" of the fault "${name}" must be a number`);
    return [param, converted] as const;
  });
  return Object.fromEntries(checked);
}

const marker = /^\s*#fault:(?<name>\S+)(?<params>(?:\s+[a-z]+=\S+)*)\s*/u;

/** Parses `#fault:stall after=1` at the start of a query. */
export function faultInQuery(query: string): Readonly<Record<string, unknown>> | undefined {
  const { name, params } = marker.exec(query)?.groups ?? {};
  if (name === undefined) return undefined;
  const pairs = (params ?? '').trim().split(/\s+/u).filter(Boolean);
  return { name, ...Object.fromEntries(pairs.map((pair) => pair.split('=', 2) as [string, string])) };
}

/** Returns the query without its fault, or the whole query when nothing else is in it. */
export function withoutFault(query: string): string {
  return query.replace(marker, '') || query;
}
