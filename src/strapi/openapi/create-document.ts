import { generate } from '@strapi/openapi';
import type { Core } from '@strapi/strapi';

import { isServedWithoutApi } from '../../middlewares/paths-without-api';
import { createComponents } from './components';
import { completeDocument, type Generated } from './complete-document';
import type { Json } from './json';
import { listDocumentedRoutes } from './route';

const tags = {
  'ai-character': 'The characters that answer.',
  chat: 'Search, export and erasure of own data.',
  'chat-conversation': 'Questions, answers and own messages.',
  'chat-session': 'Sessions and the messages in them.',
  conversation: 'The same sessions in the terms of a chat-history service.',
  dify: 'The same for clients of Dify.',
  history: 'The history of generations.',
  openai: 'The same for clients of OpenAI.',
  'users-permissions': 'Accounts and logins.',
};

const documents = new WeakMap<Core.Strapi, string>();

/**
 * Returns the OpenAPI document of this server as JSON. The first caller waits some hundred milliseconds for it. Call it
 * after Strapi has registered the routes.
 */
export function documentOf(strapi: Core.Strapi): string {
  const existing = documents.get(strapi);
  if (existing !== undefined) return existing;
  const document = JSON.stringify(createDocument(strapi));
  documents.set(strapi, document);
  return document;
}

function createDocument(strapi: Core.Strapi): Json {
  const { document } = generate(strapi, { type: 'content-api' });
  const paths = document.paths as Generated['paths'];
  const components = { ...document.components?.schemas, ...createComponents() };
  return completeDocument({ paths, components }, listDocumentedRoutes(strapi), {
    prefix: strapi.config.get('api.rest.prefix', '/api'),
    url: strapi.config.get<string>('server.url') || undefined,
    version: String(document.info?.version),
    tags,
    isServedWithoutPrefix: isServedWithoutApi,
  });
}
