import { readFileSync } from 'node:fs';
import path from 'node:path';

/** One recorded request and the reply of Dify, byte for byte. */
export type Exchange = {
  readonly name: string;
  readonly method: string;
  /** Includes the query string. */
  readonly path: string;
  readonly body: string | undefined;
  readonly status: number;
  /** Names are in lower case. Only the headers that the comparison uses. */
  readonly headers: Readonly<Record<string, string>>;
  /** The values of `Set-Cookie`. */
  readonly cookies: readonly string[];
  readonly reply: string;
};

/** Reads a file of the format that README.md describes. */
export function readCaptures(version: string, file: string): Exchange[] {
  const text = readFileSync(path.join(import.meta.dirname, version, `${file}.txt`), 'utf8');
  return text
    .split(/^### /mu)
    .filter((block) => block !== '')
    .map(toExchange);
}

function toExchange(block: string): Exchange {
  const [request = '', response = '', ...reply] = block.trimEnd().split('\n\n');
  const [name = '', requestLine = '', body] = request.split('\n');
  const [method = '', target = ''] = requestLine.split(' ');
  const [statusLine = '', ...headerLines] = response.split('\n');
  const headers = headerLines.map((line): [string, string] => {
    const [header = '', value = ''] = line.split(/: (.*)/u, 2);
    return [header.toLowerCase(), value];
  });
  return {
    name,
    method,
    path: target,
    body,
    status: Number(statusLine.split(' ')[1]),
    headers: Object.fromEntries(headers.filter(([header]) => header !== 'set-cookie')),
    cookies: headers.flatMap(([header, value]) => (header === 'set-cookie' ? [value] : [])),
    reply: reply.join('\n\n'),
  };
}
