import { readFileSync } from 'node:fs';

import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020';
import addFormats from 'ajv-formats';

/** Names the file with the OpenAPI document of the application: see `start-template.ts`. */
export const documentVariable = 'TEST_OPENAPI';

/** A part of a document: an object of JSON. */
type Json = Readonly<Record<string, unknown>>;

/** A reply of the application, as the client has read it. */
export interface ReceivedReply {
  readonly method: string;
  /** With its query string. */
  readonly path: string;
  readonly status: number;
  /** The `Content-Type`. */
  readonly type: string | null;
  readonly text: string;
}

/**
 * Checks a reply against the OpenAPI document: its status, its type and its body. Replies of other routes are not
 * checked. @throws Error that names the route, the status and the place of the difference.
 */
export function assertDocumentedReply({ method, path, status, type, text }: ReceivedReply): void {
  const operation = findOperation(method, path);
  if (operation === undefined) return;
  const { name, pointer, responses } = operation;
  const response = responses[status];
  if (response === undefined)
    throw new Error(`${name} has no status ${status} in the document: ${text.slice(0, 500)}`);
  const media = type?.split(';')[0]?.trim() ?? '';
  const { content = {} } = response;
  if (Object.keys(content).length === 0) {
    if (text !== '')
      throw new Error(`${name} has no body for ${status} in the document: ${text.slice(0, 500)}`);
    return;
  }
  if (content['*/*'] !== undefined) return;
  if (content[media] === undefined)
    throw new Error(`${name} has no type "${media}" for ${status} in the document.`);
  const items = itemsOf(media, text);
  const schema = `${pointer}/responses/${status}/content/${escape(media)}/schema`;
  for (const item of items) assertFits(`${name}, ${status}`, schema, JSON.parse(item));
}

/** Checks one event of an event stream. */
export function assertDocumentedEvent(method: string, path: string, event: unknown): void {
  const operation = findOperation(method, path);
  if (operation === undefined) return;
  const { name, pointer } = operation;
  assertFits(`${name}, event`, `${pointer}/responses/200/content/text~1event-stream/schema`, event);
}

/** Returns the JSON texts in a body: one, or one for each event or line. */
function itemsOf(media: string, text: string): readonly string[] {
  if (media === 'application/x-ndjson') return text.trimEnd().split('\n');
  // Some APIs end a stream with a line that is no JSON.
  if (media === 'text/event-stream')
    return [...text.matchAll(/^data: (?!\[DONE\]$)(.*)$/gmu)].map(([, data = '']) => data);
  return [text];
}

interface Operation {
  readonly name: string;
  /** The place of the operation in the document. */
  readonly pointer: string;
  readonly responses: Readonly<Record<string, { readonly content?: Json } | undefined>>;
}

function assertFits(what: string, pointer: string, value: unknown): void {
  const validate = validatorOf(pointer);
  if (validate(value)) return;
  const [problem] = validate.errors ?? [];
  const place = `${problem?.instancePath ?? ''} ${problem?.message ?? ''} ${JSON.stringify(problem?.params)}`;
  throw new Error(
    `${what}: the reply is not as documented: ${place}\n${JSON.stringify(value).slice(0, 2_000)}`,
  );
}

const validators = new Map<string, ValidateFunction>();

/** Compiles a schema when a reply first needs it. */
function validatorOf(pointer: string): ValidateFunction {
  const existing = validators.get(pointer);
  if (existing !== undefined) return existing;
  const made = ajv().compile({ $ref: `document#${pointer}` });
  validators.set(pointer, made);
  return made;
}

const ajv = once(() => {
  const made = new Ajv2020({ strict: false });
  addFormats(made);
  return made.addSchema({ $id: 'document', ...(closed(document()) as Json) });
});

/** Forbids keys that the document does not name. The document itself allows them, for later versions. */
function closed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closed);
  if (typeof value !== 'object' || value === null) return value;
  const object = Object.fromEntries(
    // The parts of `allOf` describe one object together.
    Object.entries(value).map(([key, inner]) => [key, key === 'allOf' ? inner : closed(inner)] as const),
  );
  const isOpen = object['type'] === 'object' && object['properties'] !== undefined;
  return isOpen ? { additionalProperties: false, ...object } : object;
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Pick<Operation, 'responses'>>>>>;
}

const document = once((): Document | undefined => {
  const file = process.env[documentVariable];
  return file === undefined ? undefined : (JSON.parse(readFileSync(file, 'utf8')) as Document);
});

const operations = once((): readonly (readonly [pattern: RegExp, operation: Operation])[] =>
  Object.entries(document()?.paths ?? {}).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { responses }]) => {
      const parts = path.replaceAll(/[.]/gu, '\\.').replaceAll(/\{\w+\}/gu, '[^/]+');
      const name = `${method.toUpperCase()} ${path}`;
      // Paths that begin without /api are served at both places.
      const pattern = new RegExp(`^${method} (/api)?${parts.replace(/^\/api/u, '')}/?$`, 'iu');
      return [pattern, { name, pointer: `/paths/${escape(path)}/${method}`, responses }] as const;
    }),
  ),
);

function findOperation(method: string, path: string): Operation | undefined {
  const [bare = ''] = path.split('?');
  const found = operations().filter(([pattern]) => pattern.test(`${method} ${bare}`));
  // A literal path has no parameter.
  const literal = found.find(([, { name }]) => !name.includes('{'));
  return (literal ?? found[0])?.[1];
}

/** Escapes a key for a JSON pointer in a URI. */
const escape = (key: string): string => encodeURIComponent(key.replaceAll('~', '~0').replaceAll('/', '~1'));

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
