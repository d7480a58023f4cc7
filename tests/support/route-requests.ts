import { boundary, fileBody, pixel } from './multipart';
import { routeTable } from './route-table';

/** The user's own ids by their names in the table of routes, and a published character. */
export interface OwnThings {
  readonly ids: Readonly<Record<string, string>>;
  readonly characterId: string;
}

interface RouteRequest {
  readonly method: string;
  readonly path: string;
  readonly options: {
    readonly body?: unknown;
    readonly rawBody?: Buffer;
    readonly headers?: Record<string, string>;
  };
}

/** Returns the ids of a turn's two messages as they are in a reply, by their names in the table of routes. */
export function idsOfTurn([question, answer]: readonly {
  readonly [key: string]: unknown;
}[]): Record<string, string> {
  return {
    "Ann's session_id": String(question?.['session_id']),
    "Ann's message_id": String(answer?.['message_id']),
    "Ann's message row": String(question?.['id']),
    "Ann's turn_id": String(question?.['turn_id']),
    "Ann's conversation_id": String(question?.['conversation_id']),
  };
}

/** Builds a valid request for a route with the user's own ids. */
export function toRequest(route: string, { ids, characterId }: OwnThings): RouteRequest {
  const row = routeTable[route];
  if (row === undefined) throw new Error(`${route} is not in the table of routes.`);
  const { slots, body } = row;
  const [method = '', pattern = ''] = route.split(' ');
  const idFor = (takes: readonly string[]) =>
    takes.map((name) => ids[name]).find((id) => id !== undefined) ?? ids["Ann's session_id"] ?? '';
  const path = slots
    .filter(({ place }) => place === 'path')
    .reduce((text, { name, kind }) => text.replace(`:${name}`, idFor(kind.takes)), pattern);
  if (isUpload(route)) return { method, path, options: uploadOf(characterId) };
  const json = JSON.stringify(body ?? {}).replace('$character', characterId);
  const content = JSON.parse(json) as { session_id?: string };
  if (slots.some(({ place, name }) => place === 'body' && name === 'session_id')) {
    content.session_id = ids["Ann's session_id"] ?? '';
  }
  return { method, path, options: method === 'GET' ? {} : { body: content } };
}

const isUpload = (route: string): boolean => /^POST .*\/files(\/upload)?$/u.test(route);

/** Returns a form with a picture for a character. */
function uploadOf(characterId: string) {
  const field = `--${boundary}\r\nContent-Disposition: form-data; name="character_id"\r\n\r\n${characterId}\r\n`;
  return {
    rawBody: Buffer.concat([Buffer.from(field), fileBody(pixel, 'file')]),
    headers: { 'Content-Type': `multipart/form-data; boundary=${boundary}` },
  };
}

/** Returns the error code of a reply in any shape. Null if it has none. */
export function codeOf(body: unknown): string | null {
  const { error, code } = (body ?? {}) as {
    error?: { code?: unknown; details?: { code?: unknown } };
    code?: unknown;
  };
  // The shape of Dify has the code at its top. The session API has its status there.
  const found = error?.details?.code ?? error?.code ?? code;
  return typeof found === 'string' ? found : null;
}
