interface Range {
  readonly type: string;
  /** The parameter `q`, from 0 to 1. */
  readonly weight: number;
}

/** Returns whether a client prefers an event stream to JSON, by its header `Accept` (RFC 9110, section 12.5.1). */
export function prefersEventStream(accept: string): boolean {
  const ranges = parseAccept(accept);
  const [stream, json] = ['text/event-stream', 'application/json'].map((type) => find(ranges, type));
  if (stream === undefined || stream.weight === 0) return false;
  if (json === undefined || stream.weight !== json.weight) return stream.weight > (json?.weight ?? 0);
  // Equal weights: the type with the more exact name, then the first one. `*/*` means JSON.
  if (stream.exactness !== json.exactness) return stream.exactness > json.exactness;
  return stream.place < json.place;
}

/** Parses a header `Accept`. Parameters other than the weight do not matter, because no type has variants. */
function parseAccept(accept: string): Range[] {
  const withoutQuotes = accept.toLowerCase().replaceAll(/"(?:[^"\\]|\\.?)*"?/gu, '""');
  return withoutQuotes.split(',').map((range) => {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim());
    const weight = parameters.find((parameter) => /^q\s*=/u.test(parameter))?.split('=')[1];
    return { type, weight: weight === undefined ? 1 : Number(weight) || 0 };
  });
}

/** Finds the most exact range that contains a type. */
function find(ranges: readonly Range[], type: string) {
  const names = [type, `${type.split('/')[0]}/*`, '*/*'];
  for (const [index, name] of names.entries()) {
    const place = ranges.findIndex((range) => range.type === name);
    const range = ranges[place];
    if (range !== undefined) return { weight: range.weight, exactness: names.length - index, place };
  }
  return undefined;
}
