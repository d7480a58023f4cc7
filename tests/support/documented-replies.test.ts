import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import {
  assertDocumentedEvent,
  assertDocumentedReply,
  documentVariable,
  type ReceivedReply,
} from './documented-replies';

const json = (schema: object) => ({ content: { 'application/json': { schema } } });
const session = { type: 'object', required: ['id'], properties: { id: { type: 'string' } } };
const event = { oneOf: [{ type: 'object', properties: { event: { const: 'message' } } }] };
const document = {
  paths: {
    '/api/chat/sessions/{session_id}': {
      get: { responses: { 200: json({ $ref: '#/components/schemas/Session' }), 204: {} } },
    },
    '/api/chat/sessions/mine': { get: { responses: { 200: json({ type: 'string' }) } } },
    '/api/chat/stream': {
      get: { responses: { 200: { content: { 'text/event-stream': { schema: event } } } } },
    },
  },
  components: { schemas: { Session: session } },
};

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'chat-document-'));
  process.env[documentVariable] = path.join(folder, 'openapi.json');
  writeFileSync(path.join(folder, 'openapi.json'), JSON.stringify(document));
});
afterAll(() => {
  delete process.env[documentVariable];
  rmSync(folder, { recursive: true });
});

const check = (change: Partial<ReceivedReply>) => () =>
  assertDocumentedReply({
    method: 'GET',
    path: '/api/chat/sessions/1?page=2',
    status: 200,
    type: 'application/json; charset=utf-8',
    text: '{"id":"1"}',
    ...change,
  });

describe('assertDocumentedReply', () => {
  it('accepts a documented reply, with and without /api', () => {
    expect(check({})).not.toThrow();
    expect(check({ path: '/chat/sessions/1' })).not.toThrow();
    expect(check({ status: 204, type: null, text: '' })).not.toThrow();
  });

  it('ignores a route that the document does not have', () => {
    expect(check({ path: '/admin/login', status: 500 })).not.toThrow();
    expect(check({ method: 'POST' })).not.toThrow();
  });

  it('prefers a literal path to one with a parameter', () => {
    expect(check({ path: '/api/chat/sessions/mine', text: '"mine"' })).not.toThrow();
  });

  it.each([
    ['a missing key', { text: '{}' }, "200: the reply .* required property 'id'"],
    ['an undocumented key', { text: '{"id":"1","extra":1}' }, 'must NOT have additional properties'],
    ['another kind of value', { text: '{"id":1}' }, '/id must be string'],
    ['an undocumented status', { status: 418 }, 'has no status 418'],
    ['an undocumented type', { type: 'text/html' }, 'has no type "text/html"'],
    ['a body where none is documented', { status: 204 }, 'has no body for 204'],
  ])('refuses %s, and names the route and the place', (_name, change, message) => {
    expect(check(change)).toThrow(new RegExp(message, 'u'));
  });
});

describe('assertDocumentedEvent', () => {
  it('accepts documented events only', () => {
    const event = (name: string) => () => assertDocumentedEvent('GET', '/api/chat/stream', { event: name });

    expect(event('message')).not.toThrow();
    expect(event('ping')).toThrow('GET /api/chat/stream, event');
  });
});
