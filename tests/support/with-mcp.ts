import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** Loaded before the application: its configuration of the server, and Strapi's MCP server turned on. */
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

/** @returns the environment of an application with Strapi's MCP server, which no setting of ours turns on. */
export async function withMcp(): Promise<Readonly<Record<string, string>>> {
  const folder = await mkdtemp(path.join(tmpdir(), 'with-mcp-'));
  const file = path.join(folder, 'preload.cjs');
  await writeFile(file, preload);
  return { NODE_OPTIONS: `--require ${file}` };
}
