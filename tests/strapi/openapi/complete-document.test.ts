import { completeDocument, type Generated } from '../../../src/strapi/openapi/complete-document';
import type { DocumentedRoute } from '../../../src/strapi/openapi/documented-route';

const json = (schema: Readonly<Record<string, unknown>>) => ({ content: { 'application/json': { schema } } });
const session = { $ref: '#/components/schemas/Session' };

/** A document as Strapi's generator makes it. */
const generated: Generated = {
  paths: {
    '/chat/session': {
      post: {
        parameters: [{ name: 'page', in: 'query', required: false, 'x-strapi-serialize': 'querystring' }],
        requestBody: json({ type: 'object', required: ['title'] }),
        responses: { '200': { description: 'OK', ...json(session) }, '400': { description: 'Bad request' } },
      },
    },
    '/upload': { post: { responses: {} } },
  },
  components: {
    Session: { type: 'object', properties: { owner: { $ref: '#/components/schemas/Owner' } } },
    Owner: { type: 'string' },
    Event: { type: 'object' },
    Unused: { type: 'object' },
  },
};

const route = (change: Partial<DocumentedRoute> = {}): DocumentedRoute => ({
  method: 'post',
  path: '/chat/session',
  tag: 'chat-session',
  isPublic: false,
  operation: { id: 'createSession', summary: 'Create a session', reply: {} },
  codes: ['internal'],
  ...change,
});
const options = {
  prefix: '/api',
  url: undefined,
  version: '1.2.3',
  tags: { 'chat-session': 'Sessions.' },
  isServedWithoutPrefix: () => false,
};

/** Returns the only operation of a completed document. */
function complete(change?: Partial<DocumentedRoute>, others: Partial<typeof options> = {}) {
  const document = completeDocument(generated, [route(change)], { ...options, ...others });
  const paths = document['paths'] as Record<string, Record<string, Record<string, unknown>>>;
  return { document, operation: paths['/api/chat/session']?.['post'] ?? {} };
}

describe('completeDocument', () => {
  it('describes only the given routes, with the prefix and a login', () => {
    const { document, operation } = complete();

    expect(Object.keys(document['paths'] as object)).toEqual(['/api/chat/session']);
    expect(document).toMatchObject({ openapi: '3.1.0', servers: [{ url: '/' }], security: [{ login: [] }] });
    expect(operation).toMatchObject({
      operationId: 'createSession',
      summary: 'Create a session',
      tags: ['chat-session'],
      parameters: [{ name: 'page', in: 'query', required: false }],
      requestBody: { required: true },
    });
    expect(operation).not.toHaveProperty('security');
  });

  it('says that a public route needs no login, and where else a path is served', () => {
    const { operation } = complete({ isPublic: true }, { isServedWithoutPrefix: () => true });

    expect(operation).toMatchObject({ security: [], description: 'The path `/chat/session` works, too.' });
  });

  it('says what a route does before where else its path is served', () => {
    const description = 'It stays empty.';
    const operation = { id: 'a', summary: 'A', description, reply: {} };

    expect(complete({ operation }, { isServedWithoutPrefix: () => true }).operation).toMatchObject({
      description: 'It stays empty. The path `/chat/session` works, too.',
    });
    expect(complete({ operation }).operation).toMatchObject({ description });
    expect(complete().operation).not.toHaveProperty('description');
  });

  it('replaces the errors of the generator, and keeps its reply', () => {
    const { operation } = complete();

    expect(Object.keys(operation['responses'] as object)).toEqual(['200', '500']);
    expect(operation['responses']).toMatchObject({ 200: { description: 'OK', ...json(session) } });
  });

  it('adds an event stream and a reply without a body', () => {
    const reply = { events: 'Event', empty: 204 } as const;
    const { operation } = complete({ operation: { id: 'a', summary: 'A', reply }, codes: [] });

    expect(operation['responses']).toMatchObject({
      200: { content: { 'text/event-stream': { schema: { $ref: '#/components/schemas/Event' } } } },
      204: { description: 'No Content' },
    });
  });

  it('moves the reply to its own status', () => {
    const reply = { status: 201 } as const;
    const { operation } = complete({ operation: { id: 'a', summary: 'A', reply }, codes: [] });

    expect(operation['responses']).toEqual({ 201: { description: 'Created', ...json(session) } });
  });

  it('adds headers to the parameters', () => {
    const headers = ['Idempotency-Key'] as const;
    const { operation } = complete({ operation: { id: 'a', summary: 'A', reply: {}, headers } });

    expect(operation['parameters']).toMatchObject([
      { name: 'page' },
      { name: 'Idempotency-Key', in: 'header' },
    ]);
  });

  it('leaves out parameters that users may not send, and corrects the ids of paths', () => {
    const operation = { id: 'a', summary: 'A', reply: {}, forbidden: ['page'] };
    const parameters = [
      { name: 'id', in: 'path', schema: { type: 'string', format: 'uuid' } },
      { name: 'page', in: 'query' },
    ];
    const paths = { '/a/{id}': { get: { parameters, responses: {} } } };
    const document = completeDocument(
      { ...generated, paths },
      [route({ operation, method: 'get', path: '/a/{id}' })],
      options,
    );

    expect(document['paths']).toMatchObject({
      '/api/a/{id}': { get: { parameters: [{ name: 'id', in: 'path', schema: { type: 'string' } }] } },
    });
  });

  it('keeps the components that are used, also by other components', () => {
    const { document } = complete();

    expect(document['components']).toMatchObject({ schemas: { Session: {}, Owner: {}, SessionError: {} } });
    expect(document['components']).not.toHaveProperty('schemas.Unused');
  });

  it('refuses a route that the generator does not know', () => {
    expect(() => complete({ path: '/chat/other' })).toThrow('Strapi has no route post /chat/other.');
  });
});
