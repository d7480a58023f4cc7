import { STATUS_CODES } from 'node:http';

import { errorShapeOf } from '../../http/error-shape';
import type { Operation } from '../../http/operation';
import { errorComponents, toErrorResponses } from './error-responses';
import { isJson, toComponent, type Json } from './json';
import type { DocumentedRoute } from './documented-route';
import { tidySchema } from './tidy-schema';

export interface DocumentOptions {
  /** Begins every path, e.g. `/api`. */
  readonly prefix: string;
  /** The address of the server. Without it, the document is of the server that sends it. */
  readonly url: string | undefined;
  readonly version: string;
  readonly tags: Readonly<Record<string, string>>;
  /** Returns whether a path with the prefix is also served without it. */
  isServedWithoutPrefix(path: string): boolean;
}

/** What Strapi's generator makes. */
export interface Generated {
  readonly paths: Readonly<Record<string, Readonly<Record<string, GeneratedOperation>>>>;
  readonly components: Readonly<Record<string, unknown>>;
}

interface GeneratedOperation {
  readonly parameters?: readonly Json[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Json }>> };
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content?: Json }>>;
}

/**
 * Completes the document of Strapi's generator, which knows only parameters, bodies and a reply of 200. Its errors have
 * no bodies, its paths no prefix, and it describes every route of the installation.
 */
export function completeDocument(
  generated: Generated,
  routes: readonly DocumentedRoute[],
  options: DocumentOptions,
): Json {
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    const path = `${options.prefix}${route.path}`;
    const operation = generated.paths[route.path]?.[route.method];
    if (operation === undefined) throw new Error(`Strapi has no route ${route.method} ${route.path}.`);
    paths[path] = { ...paths[path], [route.method]: toOperation(operation, route, path, options) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Character chat',
      version: options.version,
      description:
        'Chat with AI characters. Begin with docs/build-your-app.md. docs/http-api.md says what happens when.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: options.url ?? '/' }],
    tags: Object.entries(options.tags).map(([name, description]) => ({ name, description })),
    security: [{ login: [] }],
    paths: tidySchema(paths),
    components: {
      securitySchemes: {
        login: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'JWT',
          description: 'The `jwt` of a login, or a personal token.',
        },
      },
      schemas: usedComponents({ ...generated.components, ...errorComponents }, paths),
    },
  };
}

function toOperation(
  generated: GeneratedOperation,
  route: DocumentedRoute,
  path: string,
  options: DocumentOptions,
): Json {
  const { operation, tag, isPublic, codes } = route;
  const { id: operationId, summary, description, headers = [], statuses } = operation;
  const bare = path.slice(options.prefix.length);
  const sentences = [
    ...(description === undefined ? [] : [description]),
    ...(options.isServedWithoutPrefix(path) ? [`The path \`${bare}\` works, too.`] : []),
  ];
  return {
    operationId,
    summary,
    ...(sentences.length > 0 && { description: sentences.join(' ') }),
    tags: [tag],
    ...(isPublic && { security: [] }),
    parameters: [...toParameters(generated, operation), ...[...headers, ...conditionOf(route)].map(toHeader)],
    ...toRequestBody(generated, route),
    responses: {
      ...toReplies(generated, route),
      ...toErrorResponses(errorShapeOf(path), codes, statuses),
    },
  };
}

/** Strapi declares the ids of its own routes as UUIDs, which they are not. */
function toParameters(
  { parameters = [] }: GeneratedOperation,
  { forbidden = [] }: Operation,
): readonly Json[] {
  return parameters
    .filter(({ name }) => !forbidden.includes(String(name)))
    .map((parameter) =>
      parameter['in'] === 'path'
        ? { ...parameter, ...(ofPath[String(parameter['name'])] ?? { schema: { type: 'string' } }) }
        : parameter,
    );
}

const inPath = (description: string): Json => ({ schema: { type: 'string' }, description });

/** The ids in paths by their names. */
const ofPath: Readonly<Record<string, Json>> = {
  id: inPath('The `documentId` or `id` of a character.'),
  character_id: inPath('The `documentId` or `id` of a published character.'),
  model: inPath('The `documentId` or `id` of a published character.'),
  turn_id: inPath('The `turn_id` of an event, a message or an error.'),
  task_id: inPath('The `task_id` of an event.'),
  session_id: inPath("The id of a session: this server's, or Dify's `conversation_id`."),
  chat_id: inPath('A `session_id`, or the name that the client has given the chat.'),
  conversation_id: inPath("The id of a session: this server's, or Dify's."),
  message_id: inPath('The id of a message. The session API also takes its number.'),
  user_id: inPath("The caller's numeric id or documentId."),
  token_id: inPath('The `token_id` of a personal token.'),
  link: inPath('The last part of the `url` of a file.'),
};

const headerDescriptions = {
  'If-None-Match': 'An `ETag`, several with commas, or `*`. If the reply has one of them, the status is 304.',
  'Idempotency-Key':
    '1 to 255 printable ASCII characters without spaces, e.g. a UUID. Use a new key for each question. ' +
    'A second request with the same key and question joins the first, and gets `Idempotent-Replayed: true`.',
  'Last-Event-ID':
    'The `id` of the last event that the client has. The stream continues after it. At most nine digits.',
};

/** Returns whether replies of a route have an `ETag`. */
const isTagged = ({ method, operation: { reply } }: DocumentedRoute): boolean =>
  method === 'get' && reply.json !== undefined;

const conditionOf = (route: DocumentedRoute) => (isTagged(route) ? (['If-None-Match'] as const) : []);

const tagHeader = { ETag: { description: 'Names this reply.', schema: { type: 'string' } } };

function toHeader(name: keyof typeof headerDescriptions): Json {
  return { name, in: 'header', schema: { type: 'string' }, description: headerDescriptions[name] };
}

/** A body is required unless it can be empty. */
function toRequestBody({ requestBody }: GeneratedOperation, { body }: DocumentedRoute): Json {
  if (body !== undefined)
    return { requestBody: { content: { 'application/json': { schema: toComponent(body) } } } };
  if (requestBody === undefined) return {};
  const { content } = requestBody;
  return {
    requestBody: { required: Object.values(content).some(({ schema }) => isRequiring(schema)), content },
  };
}

const isRequiring = ({ required }: Json): boolean => Array.isArray(required) && required.length > 0;

function toReplies(generated: GeneratedOperation, route: DocumentedRoute) {
  const { reply } = route.operation;
  const { json, status = 200, alsoWith, events, lines, file, empty } = reply;
  const inJson =
    typeof json === 'string'
      ? { 'application/json': { schema: toComponent(json) } }
      : generated.responses['200']?.content;
  const content = {
    ...inJson,
    ...(events !== undefined && { 'text/event-stream': { schema: toComponent(events) } }),
    ...(lines !== undefined && { 'application/x-ndjson': { schema: toComponent(lines) } }),
    ...(file === true && { '*/*': { schema: { contentMediaType: 'application/octet-stream' } } }),
  };
  const replies: Record<string, Json> = {};
  const headers = isTagged(route) && { headers: tagHeader };
  if (Object.keys(content).length > 0) replies[status] = { description: nameOf(status), ...headers, content };
  if (isTagged(route)) replies[304] = { description: nameOf(304), ...headers };
  if (alsoWith !== undefined) replies[alsoWith] = { description: nameOf(alsoWith), content };
  if (empty !== undefined) replies[empty] = { description: nameOf(empty) };
  return replies;
}

const nameOf = (status: number): string => STATUS_CODES[status] ?? '';

/** Returns the components that the paths use, also through other components. */
function usedComponents(all: Readonly<Record<string, unknown>>, paths: unknown): Json {
  const used = new Map<string, unknown>();
  const visit = (value: unknown): void => {
    for (const name of referencesIn(value)) {
      if (used.has(name)) continue;
      if (all[name] === undefined) throw new Error(`The document has no component ${name}.`);
      used.set(name, tidySchema(all[name]));
      visit(all[name]);
    }
  };
  visit(paths);
  return Object.fromEntries([...used].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function referencesIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(referencesIn);
  if (!isJson(value)) return [];
  const own = typeof value['$ref'] === 'string' ? [value['$ref'].split('/').at(-1) ?? ''] : [];
  return [...own, ...Object.values(value).flatMap(referencesIn)];
}
