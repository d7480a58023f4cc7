/** A reply as a document shows it, to be compared with one that came. */
export interface Documented {
  readonly sample: unknown;
  /** Keys whose values must be those of the sample; of all others their kind. */
  readonly same?: readonly string[];
  /** Keys that come beside those of the document, by the key of the object they are in (`data`, `items`, `` for the whole). */
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

const kinds: readonly (readonly [name: string, pattern: RegExp])[] = [
  ['a UUID', /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/u],
  ['a time in UTC', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/u],
  ['a number as text', /^\d+$/u],
];

/** @returns where a reply is not as documented: no key may be missing, and none may come that is not listed. */
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
  if (Array.isArray(sample)) {
    if (!Array.isArray(value)) return [`${where} is no list`];
    if (sample.length > 0 && value.length === 0) return [`${where} is empty`];
    return value.flatMap((item, index) =>
      differencesAt(sample[0], item, documented, [...path, String(index)]),
    );
  }
  if (isObject(sample)) {
    if (!isObject(value)) return [`${where} is no object`];
    const inWhat = path.filter((name) => !/^\d+$/u.test(name)).at(-1) ?? '';
    const allowed = [...Object.keys(sample), ...(documented.extra?.[inWhat] ?? [])];
    return [
      ...allowed.filter((key) => !Object.hasOwn(value, key)).map((key) => `${where} has no ${key}`),
      ...Object.keys(value)
        .filter((key) => !allowed.includes(key))
        .map((key) => `${where} has ${key}, which nobody lists`),
      ...Object.keys(sample)
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
