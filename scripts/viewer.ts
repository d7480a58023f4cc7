import { cpSync, mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

/** The files that the page of the API loads, and their licences. */
const files = [
  'swagger-ui.css',
  'swagger-ui-bundle.js',
  'swagger-ui-bundle.js.LICENSE.txt',
  'LICENSE',
  'NOTICE',
];

/**
 * Copies Swagger UI next to the compiled code. Its package depends on one that reports each installation, so nobody who
 * only runs the server installs it.
 * @param dist the folder of the compiled code.
 */
export function copyViewer(dist: string): void {
  const from = path.dirname(
    createRequire(path.resolve('package.json')).resolve('swagger-ui-dist/package.json'),
  );
  const target = path.join(dist, 'swagger-ui');
  mkdirSync(target, { recursive: true });
  for (const file of files) cpSync(path.join(from, file), path.join(target, file));
}
