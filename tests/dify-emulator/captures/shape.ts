/** What both Dify and the emulator send for a request. */
export type Answered = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** The values of `Set-Cookie`. */
  readonly cookies: readonly string[];
  readonly reply: string;
};

/**
 * Returns the text to compare: a line with the status and the headers, then one line for each frame, or the body. It keeps the
 * bytes, and so the order of the fields, the spaces and the escapes. It replaces what differs in each run: ids, times,
 * counts, prices and generated text. Equal lines in a row, such as the pieces of an answer, become one.
 */
export function shapeOf({ status, headers, cookies, reply }: Answered): string {
  const compared = ['content-type', 'www-authenticate', 'allow'].flatMap((name) => {
    const value = headers[name];
    return value === undefined ? [] : [`${name}: ${String(value)}`];
  });
  const frames = withNumberedIds(reply).trimEnd().split('\n\n').map(withoutRunValues);
  const head = [[status, ...compared].join(' '), ...cookies.map(withoutRunValues)];
  const lines = [...head, ...frames.filter((frame, at) => frame !== frames[at - 1])];
  return lines.join('\n');
}

/** Numbers the ids by their first place, so that equal ids stay equal. */
function withNumberedIds(reply: string): string {
  const ids: string[] = [];
  return reply.replace(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/gu, (id) => {
    if (!ids.includes(id)) ids.push(id);
    return `‹id ${ids.indexOf(id) + 1}›`;
  });
}

const text = String.raw`"(?:[^"\\]|\\.)+"`;

/** Fields whose values differ in each run. The group keeps the name, the colon and the space. */
const runValues: readonly (readonly [RegExp, string])[] = [
  [/("(?:created_at|updated_at|finished_at)": ?)\d+/gu, '$1‹time›'],
  [
    /("(?:latency|provider_response_latency|elapsed_time|time_to_first_token|time_to_generate)": ?)[\d.e-]+/gu,
    '$1‹seconds›',
  ],
  [/("(?:\w+_tokens|sequence_number)": ?)\d+/gu, '$1‹count›'],
  [/("\w*_price(?:_unit)?": ?)"[^"]+"/gu, '$1‹price›'],
  [new RegExp(`("(?:answer|thought|observation)": ?)${text}`, 'gu'), '$1‹text›'],
  [new RegExp(`("(?:assistant|outputs)"[:,] ?\\{?"text": ?)${text}`, 'gu'), '$1‹text›'],
  [/(\w+_token=)[^;]+; Expires=[^;]+/gu, '$1‹token›; Expires=‹time›'],
  [/("(?:access|refresh)_token": ?)"[^"]+"/gu, '$1‹token›'],
  [new RegExp(`("data": ?)\\[${text}(?:, ?${text})*\\]`, 'gu'), '$1‹texts›'],
  [/"https?:\\?\/\\?\/[^"?]*?(?=\\?\/files\\?\/)/gu, '"‹origin›'],
  [/timestamp=\d+&nonce=[0-9a-f]{32}&sign=[\w-]{43}/gu, '‹signature›'],
  [new RegExp(`("(?:model_provider|model_name)": ?)${text}`, 'gu'), '$1‹model›'],
];

function withoutRunValues(frame: string): string {
  return runValues.reduce((line, [pattern, name]) => line.replace(pattern, name), frame);
}
