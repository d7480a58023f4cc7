import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { inHost } from './database';

/** A script that Node loads before the application. It turns on Strapi's MCP server in the server configuration. */
const preload = `
const Module = require('node:module');
const load = Module._load;
Module._load = function (request, ...rest) {
  const loaded = load.call(this, request, ...rest);
  if (!/dist[\\\\/]config[\\\\/]server\\.js$/.test(String(request))) return loaded;
  const config = (params) => ({ ...loaded.default(params), mcp: { enabled: true } });
  return { __esModule: true, default: config };
};
`;

/** Returns variables that turn on Strapi's MCP server. A host has its own configuration instead of MCP_ENABLED. */
export async function withMcp(): Promise<Readonly<Record<string, string>>> {
  if (!inHost) return { MCP_ENABLED: 'true' };
  const folder = await mkdtemp(path.join(tmpdir(), 'with-mcp-'));
  const file = path.join(folder, 'preload.cjs');
  await writeFile(file, preload);
  return { NODE_OPTIONS: `--require ${file}` };
}
