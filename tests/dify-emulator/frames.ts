/**
 * The JSON and the frames of each Dify profile.
 *
 *   0.15   data: {"event": "message", "answer": "\u4f60\u597d"}\n\n     Python's json.dumps: spaces, ASCII
 *   1.x    data: {"event":"message","answer":"你好"}\n\n                orjson: no spaces, UTF-8
 *   both   event: ping\n\n                                              no data line
 *
 * A blocking answer has the style of 0.15 in both profiles. Other bodies of 1.x have no spaces, but escape: `\u4f60`, `\/`.
 */
export type Profile = '0.15' | '1.x';

/** The fields of one event. JSON omits a field that is `undefined`, and contains one that is `null`. */
export type EventFields = Readonly<Record<string, unknown>>;

export const pingFrame: Buffer = Buffer.from('event: ping\n\n');

export function dataFrame(event: EventFields, profile: Profile): Buffer {
  const json = profile === '0.15' ? pythonJson(event) : JSON.stringify(event);
  return Buffer.from(`data: ${json}\n\n`);
}

export function bodyJson(value: unknown, profile: Profile): string {
  return profile === '0.15' ? pythonJson(value) : toAscii(JSON.stringify(value)).replaceAll('/', '\\/');
}

/** Every newline of indented JSON is formatting, because JSON strings never contain a raw newline. */
export function pythonJson(value: unknown): string {
  return toAscii(
    JSON.stringify(value, null, 1)
      .replace(/,\n\s*/g, ', ')
      .replace(/\n\s*/g, ''),
  );
}

function toAscii(json: string): string {
  return json.replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
