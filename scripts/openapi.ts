#!/usr/bin/env tsx
import path from 'node:path';

import { createStrapi } from '@strapi/strapi';

import { documentOf } from '../src/strapi/openapi/create-document';

const root = path.resolve(__dirname, '..');

/** Prints the OpenAPI document. It loads the built application, with its database, and serves nothing. */
async function main(): Promise<void> {
  const strapi = createStrapi({ appDir: root, distDir: path.join(root, 'dist') });
  // The output is the document alone.
  strapi.log.silent = true;
  await strapi.load();
  const document: unknown = JSON.parse(documentOf(strapi));
  process.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
  await strapi.destroy();
}

void main();
