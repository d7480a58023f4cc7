import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

import { createConfig, lintFromString } from '@redocly/openapi-core';
import fc from 'fast-check';
import ts from 'typescript';

import { chatErrors } from '../../src/chat/errors';
import { turnOutcomes } from '../../src/chat/model/outcome';
import { startApp, type App } from '../support/app';
import { anyJson, arbitraryOf } from '../support/arbitrary-of-schema';
import type { Client } from '../support/client';
import { routeTable } from '../support/route-table';

type Json = Readonly<Record<string, unknown>>;

interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly security?: readonly unknown[];
  readonly parameters: readonly {
    readonly name: string;
    readonly in: string;
    readonly required?: boolean;
    readonly schema: Json;
    readonly description?: string;
  }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Json }>> };
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema: Json }>> }>
  >;
}

interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Json>> };
}

let app: App;
let user: Client;
let characterId: string;
let document: Document;
let operations: readonly (readonly [name: string, operation: Operation])[];

beforeAll(async () => {
  app = await startApp();
  user = await app.createUser();
  ({ documentId: characterId } = await app.admin.createCharacter());
  document = (await app.anonymous.get('/api/openapi.json')).body;
  operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(
      ([method, operation]) => [`${method.toUpperCase()} ${path}`, operation] as const,
    ),
  );
});
afterAll(() => app.stop());

/** Routes that the document leaves out: for Prometheus, for the document itself, and Strapi's for API tokens. */
const undocumented = [
  'GET /api/chat/metrics',
  'GET /api/docs',
  'GET /api/docs/:file',
  'GET /api/openapi.json',
  ...['chat-conversations', 'chat-sessions'].flatMap((name) => [
    `GET /api/${name}`,
    `GET /api/${name}/:id`,
    ...['POST', 'PUT', 'DELETE'].map((method) => `${method} /api/${name}${method === 'POST' ? '' : '/:id'}`),
  ]),
  'POST /api/ai-characters',
  'PUT /api/ai-characters/:id',
  'DELETE /api/ai-characters/:id',
];

const root = path.resolve(__dirname, '../..');

/** Runs a program of this project. @returns its output. */
async function runNode(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> {
  const options = {
    cwd: root,
    env: { PATH: process.env['PATH'] ?? '', ENV_PATH: '/dev/null', ...env },
    maxBuffer: 50_000_000,
  };
  return (await promisify(execFile)(process.execPath, args, options)).stdout;
}

describe('GET /api/openapi.json', () => {
  it('describes all routes for users, with their summary, request and replies', () => {
    const described = Object.fromEntries(operations);
    for (const route of Object.keys(routeTable).filter((name) => !undocumented.includes(name))) {
      const operation = described[route.replaceAll(/:(\w+)/gu, '{$1}')];
      const inPath = operation?.parameters.filter((parameter) => parameter.in === 'path') ?? [];

      expect([route, operation?.summary]).toEqual([route, expect.stringMatching(/^[A-Z]/u)]);
      expect([route, inPath.map(({ name }) => name)]).toEqual([route, paramsOf(route)]);
      expect([
        route,
        Object.keys(operation?.responses ?? {}).filter((status) => /^[123]/u.test(status)),
      ]).not.toEqual([route, []]);
    }
  });

  it('describes nothing else than these routes and those of accounts', () => {
    const known = Object.keys(routeTable).map((route) => route.replaceAll(/:(\w+)/gu, '{$1}'));
    const others = operations.map(([name]) => name).filter((name) => !known.includes(name));

    expect(others.filter((name) => !/^\w+ \/api\/(auth|users\/me)/u.test(name))).toEqual([]);
  });

  it('says for each route that needs a login how it refuses a personal token', () => {
    const needsLogin = operations.filter(([, { security }]) => security === undefined);
    const refusals = needsLogin.map(([name, { responses }]) => [
      name,
      [...JSON.stringify(responses['403']?.content).matchAll(/token-(?:scope|not-allowed)/gu)].map(String),
    ]);
    const isForLoginsOnly = /\/api\/(auth\/|chat\/tokens)/u;

    expect(refusals).toEqual(
      needsLogin.map(([name]) => [name, [isForLoginsOnly.test(name) ? 'token-not-allowed' : 'token-scope']]),
    );
  });

  it('has schemas for every body, and for every reply that has one', () => {
    for (const [name, { requestBody, responses }] of operations) {
      const contents = [requestBody, ...Object.values(responses)].map((part) => part?.content ?? {});
      for (const [media, { schema }] of contents.flatMap((content) => Object.entries(content))) {
        expect([name, media, Object.keys(schema).length > 0]).toEqual([name, media, true]);
      }
      for (const [status, { content }] of Object.entries(responses)) {
        const isBare = ['101', '204', '304'].includes(status);
        expect([name, status, content === undefined]).toEqual([name, status, isBare]);
      }
    }
  });

  it('describes every field of a body and a reply, and every parameter', () => {
    const { schemas } = document.components;
    const ofReplies = operations.flatMap(([name, { responses }]) =>
      Object.entries(responses)
        // The components of errors describe theirs.
        .filter(([status]) => Number(status) < 400)
        .map(([status, response]) => [`${name} ${status}`, response] as const),
    );
    const ofBodies = operations.map(([name, { requestBody }]) => [`${name} body`, requestBody] as const);
    const isOfDify = ([name]: readonly [string, unknown]) => /dify|console/iu.test(name);
    const fields = [...Object.entries(schemas), ...ofReplies, ...ofBodies]
      .filter((part) => !isOfDify(part))
      .flatMap(([name, part]) => undescribedIn(part, name));
    const parameters = operations
      .filter((operation) => !isOfDify(operation))
      .flatMap(([name, operation]) => operation.parameters.map((parameter) => ({ name, parameter })))
      .filter(({ parameter }) => (parameter.description ?? parameter.schema['description']) === undefined)
      .map(({ name, parameter }) => `${name} ${parameter.name}`);

    expect(fields).toEqual([]);
    // Strapi describes its own parameter by an enumeration.
    expect(parameters).toEqual(['GET /api/ai-characters populate', 'GET /api/ai-characters/{id} populate']);
  });

  it('names each event, each error code and each outcome with its meaning', () => {
    const { StreamEvent, Message } = document.components.schemas;
    const events = StreamEvent?.['oneOf'] as readonly Json[];
    const outcome = (Message?.['properties'] as Record<string, Json>)['outcome'];

    expect(events.filter(({ description }) => description === undefined)).toEqual([]);
    for (const name of turnOutcomes.filter((one) => one !== 'completed'))
      expect(outcome?.['description']).toContain(`\`${name}\``);
    const described = JSON.stringify(operations.filter(([name]) => !/dify|console/u.test(name)));
    for (const [code, { sentence, advice }] of Object.entries(chatErrors)) {
      const line = JSON.stringify(`- \`${code}\`: ${sentence}`).slice(1, -1);
      expect([code, described.includes(line)]).toEqual([code, true]);
      expect([code, described.includes(JSON.stringify(advice).slice(1, -1))]).toEqual([code, true]);
    }
  });

  it('names the events of a stream by a constant', () => {
    const { StreamEvent, DifyEvent } = document.components.schemas;
    for (const schema of [StreamEvent, DifyEvent]) {
      const options = schema?.['oneOf'] as readonly { readonly properties: { readonly event: Json } }[];

      expect(options.map(({ properties }) => typeof properties.event['const'])).toEqual(
        options.map(() => 'string'),
      );
    }
  });

  it('passes a linter', async () => {
    const config = await createConfig({ extends: ['recommended'] });
    // Everybody may ask whether the server is ready. A WebSocket has no other success than 101.
    const exceptions = [
      'operation-4xx-response #/paths/~1api~1chat~1ready/get/responses',
      'operation-2xx-response #/paths/~1api~1ws~1{session_id}/get/responses',
    ];
    const problems = await lintFromString({ source: JSON.stringify(document), config });

    const found = problems.map(({ ruleId, location }) => `${ruleId} ${location[0]?.pointer}`);

    expect(found.sort()).toEqual(exceptions.sort());
  });

  it('gives types that compile', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'chat-openapi-'));
    const [source, types] = [path.join(folder, 'openapi.json'), path.join(folder, 'api.ts')];
    writeFileSync(source, JSON.stringify(document));
    await runNode(['node_modules/openapi-typescript/bin/cli.js', source, '-o', types]);
    const use = path.join(folder, 'use.ts');
    writeFileSync(use, sampleClient);
    const program = ts.createProgram([use], {
      strict: true,
      exactOptionalPropertyTypes: true,
      noEmit: true,
      skipLibCheck: true,
      types: [],
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.ESNext,
      moduleResolution: ts.ModuleResolutionKind.Bundler,
    });
    const problems = ts
      .getPreEmitDiagnostics(program)
      .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
    rmSync(folder, { recursive: true });

    expect(problems).toEqual([]);
  });

  /** Uses types as a client does. */
  const sampleClient = `
    import type { components, operations } from './api';

    export function textOf(event: components['schemas']['StreamEvent']): string {
      if (event.event === 'message') return event.answer;
      return event.event === 'message_end' ? (event.data[0]?.query ?? '') : '';
    }

    type Ask = operations['createMessage'];
    export const body: NonNullable<Ask['requestBody']>['content']['application/json'] = {
      data: { character_id: 1, query: 'Is it lonely out here?' },
    };
    export const isBusy = (code: Ask['responses'][409]['content']['application/json']): string => code.error.message;
  `;
});

describe('npm run openapi', () => {
  it('prints the document that the server sends', async () => {
    const stdout = await runNode(['--import', 'tsx', 'scripts/openapi.ts'], { ...app.variables, PORT: '0' });

    expect(JSON.parse(stdout)).toEqual(document);
  });
});

describe('GET /api/docs', () => {
  it('is a page whose scripts and styles are all of this server', async () => {
    const { status, text, headers } = await app.anonymous.get('/api/docs');
    const files = [...text.matchAll(/(?:src|href)="(\/[^"]+)"/gu)].map(([, file = '']) => file);

    expect(status).toBe(200);
    expect(headers.get('Content-Security-Policy')).toMatch(/script-src 'self'(;|$)/u);
    expect(text).not.toMatch(/<script[^>]*>[^<]|\son\w+=|https?:/u);
    expect(files).toHaveLength(4);
    for (const file of files) expect([file, (await app.anonymous.get(file)).status]).toEqual([file, 200]);
  });

  it('replies 404 for another file of the package', async () => {
    for (const file of ['package.json', 'index.html', '..%2fpackage.json', '__proto__']) {
      expect([file, (await app.anonymous.get(`/api/docs/${file}`)).status]).toEqual([file, 404]);
    }
  });
});

interface Generated {
  readonly path: Readonly<Record<string, unknown>>;
  readonly query: Readonly<Record<string, unknown>>;
  readonly body: unknown;
  readonly isStreamed: boolean;
}

describe('a request that the document allows', () => {
  const seed = Number(process.env['FAULTS_SEED'] ?? Date.now() % 1_000_000);
  /** They end the login of all further requests. */
  const ending = ['logOut', 'changePassword'];

  it(`gets no 500 (seed ${seed})`, async () => {
    const { body } = await user.ask({ character_id: characterId, query: 'Are you there?' });
    const [, { turn_id, session_id, message_id, id }] = body.data;
    const known = [characterId, turn_id, session_id, message_id, String(id), String(user.user.id)];
    const sent = operations
      .filter(([, { operationId }]) => !ending.includes(operationId))
      .flatMap(([name, operation]) =>
        fc.sample(requestOf(operation, known), { numRuns: 4, seed }).map((request) => ({ name, request })),
      );
    const failed: unknown[] = [];
    for (let at = 0; at < sent.length; at += 8) {
      await Promise.all(
        sent.slice(at, at + 8).map(async ({ name, request }) => {
          const { status } = await send(name, request);
          if (status === 500) failed.push([name, request]);
        }),
      );
    }

    expect(failed).toEqual([]);
  }, 180_000);

  function requestOf(
    { parameters, requestBody }: Operation,
    known: readonly string[],
  ): fc.Arbitrary<Generated> {
    const resolve = (reference: string) =>
      document.components.schemas[reference.split('/').at(-1) ?? ''] ?? {};
    const inPlace = (place: string) => parameters.filter((parameter) => parameter.in === place);
    const paths = inPlace('path').map(
      ({ name }) => [name, fc.oneof(fc.constantFrom(...known), fc.string({ minLength: 1 }))] as const,
    );
    const queries = inPlace('query').map(({ name, schema }) => [name, arbitraryOf(schema, resolve)] as const);
    const schema = requestBody?.content['application/json']?.schema;
    return fc.record({
      path: fc.record(Object.fromEntries(paths)),
      query: fc.record(Object.fromEntries(queries), { requiredKeys: [] }),
      body:
        schema === undefined
          ? fc.constant(undefined)
          : fc.oneof(
              { weight: 4, arbitrary: arbitraryOf(schema, resolve) },
              { weight: 1, arbitrary: anyJson },
            ),
      isStreamed: fc.boolean(),
    });
  }

  async function send(name: string, { path, query, body, isStreamed }: Generated) {
    const [method = '', template = ''] = name.split(' ');
    const target = template.replaceAll(/\{(\w+)\}/gu, (_, param: string) =>
      encodeURIComponent(String(path[param]).toWellFormed()),
    );
    const parameters = Object.entries(query).map(
      ([key, value]) => `${encodeURIComponent(key)}=${encodeURIComponent(toText(value).toWellFormed())}`,
    );
    const headers = isStreamed ? { Accept: 'text/event-stream' } : {};
    return user.request(method, `${target}?${parameters.join('&')}`, { body, headers });
  }

  const toText = (value: unknown) => (typeof value === 'string' ? value : (JSON.stringify(value) ?? ''));
});

/** These contain the reply, and say nothing themselves. */
const wrappers = ['data', 'meta'];

/** Returns the properties without a description in a part of the document. A constant says what it is. */
function undescribedIn(part: unknown, at: string): string[] {
  if (Array.isArray(part)) return part.flatMap((item) => undescribedIn(item, at));
  if (typeof part !== 'object' || part === null) return [];
  return Object.entries(part as Json).flatMap(([key, value]) => {
    if (key !== 'properties') return undescribedIn(value, at);
    return Object.entries(value as Readonly<Record<string, Json>>).flatMap(([name, schema]) => {
      const isDescribed = wrappers.includes(name) || 'description' in schema || 'const' in schema;
      return [...(isDescribed ? [] : [`${at}.${name}`]), ...undescribedIn(schema, `${at}.${name}`)];
    });
  });
}

const paramsOf = (route: string) => [...route.matchAll(/:(\w+)/gu)].map(([, name]) => name);
