/**
 * How each profile of Dify writes JSON and frames.
 *
 *   0.15   data: {"event": "message", "answer": "\u4f60\u597d"}\n\n     Python's json.dumps: spaced, pure ASCII
 *   1.x    data: {"event":"message","answer":"你好"}\n\n                orjson: compact, raw UTF-8
 *   both   event: ping\n\n                                              no data line
 */
export type Profile = '0.15' | '1.x';

/** The fields of one event; a field that is `undefined` is left out, `null` is written. */
export type EventFields = Readonly<Record<string, unknown>>;

export const pingFrame: Buffer = Buffer.from('event: ping\n\n');

export function dataFrame(event: EventFields, profile: Profile): Buffer {
  return Buffer.from(`data: ${toJson(event, profile)}\n\n`);
}

export function toJson(value: unknown, profile: Profile): string {
  return profile === '0.15' ? pythonJson(value) : JSON.stringify(value);
}

/** JSON strings never hold a raw newline, so every newline of the indented form is structure. */
function pythonJson(value: unknown): string {
  return JSON.stringify(value, null, 1)
    .replace(/,\n\s*/g, ', ')
    .replace(/\n\s*/g, '')
    .replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
