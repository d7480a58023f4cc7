/**
 * A documented reply, for the comparison with a real reply. A text of the sample that begins with `…` stands for any
 * value, and a key `…` for further keys. The items of a real list correspond to those of the sample in turn.
 */
export interface Documented {
  readonly sample: unknown;
  /** Keys whose values must equal those of the sample. Other values must have the same kind. */
  readonly same?: readonly string[];
  /** Undocumented keys, by the key of the object that has them: `data`, `items`, or `` for the whole reply. */
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

const kinds: readonly (readonly [name: string, pattern: RegExp])[] = [
  ['a UUID', /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/u],
  ['a time in UTC', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/u],
  ['a number as text', /^\d+$/u],
];

/** Returns the differences between a reply and its document. Missing and unlisted keys are differences, too. */
export function differences(value: unknown, documented: Documented): readonly string[] {
  return differencesAt(documented.sample, value, documented, []);
}

function differencesAt(
  sample: unknown,
  value: unknown,
  documented: Documented,
  path: readonly string[],
): readonly string[] {
  const where = path.join('.') || 'the reply';
  if (typeof sample === 'string' && sample.startsWith('…')) return [];
  if (Array.isArray(sample)) {
    if (!Array.isArray(value)) return [`${where} is not a list`];
    if (sample.length > 0 && value.length === 0) return [`${where} is empty`];
    return value.flatMap((item, index) =>
      differencesAt(sample[index % sample.length], item, documented, [...path, String(index)]),
    );
  }
  if (isObject(sample)) {
    if (!isObject(value)) return [`${where} is not an object`];
    const inWhat = path.filter((name) => !/^\d+$/u.test(name)).at(-1) ?? '';
    const expected = Object.keys(sample).filter((key) => key !== '…');
    const allowed = [...expected, ...(documented.extra?.[inWhat] ?? [])];
    const isWhole = !Object.hasOwn(sample, '…');
    return [
      ...allowed.filter((key) => !Object.hasOwn(value, key)).map((key) => `${where} has no ${key}`),
      ...Object.keys(value)
        .filter((key) => isWhole && !allowed.includes(key))
        .map((key) => `${where} has ${key}, which is not listed`),
      ...expected
        .filter((key) => Object.hasOwn(value, key))
        .flatMap((key) => differencesAt(sample[key], value[key], documented, [...path, key])),
    ];
  }
  const isSame = documented.same?.includes(path.at(-1) ?? '') === true;
  if (isSame) return sample === value ? [] : [`${where} is ${JSON.stringify(value)}`];
  return kindOf(sample) === kindOf(value) ? [] : [`${where} is ${kindOf(value)}, not ${kindOf(sample)}`];
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value === 'number') return Number.isSafeInteger(value) ? 'a whole number' : 'a number';
  if (typeof value !== 'string') return typeof value;
  return kinds.find(([, pattern]) => pattern.test(value))?.[0] ?? 'text';
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
