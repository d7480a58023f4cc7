#!/usr/bin/env tsx
import { createReadPublished } from '../src/database/characters/published';
import { createUpstreams } from '../src/upstream/upstreams';
import { readApplication, UnusableSettings } from './doctor/application';
import { examine } from './doctor/examine';
import { isHealthy, toLines } from './doctor/lines';
import { openMainDatabase } from './main-database';

/** Checks the upstreams. The exit code is 0 if all is well, 1 if something is wrong, and 2 for unusable settings. */
async function main(): Promise<number> {
  try {
    const { settings, database, unseal } = readApplication();
    // No check needs the key of an earlier turn.
    const keys = { save: async () => undefined, find: async () => null, findPublished: async () => null };
    const upstreams = createUpstreams({ settings, keys, unseal, warn: () => undefined });
    const connection = openMainDatabase(database);
    const report = await examine(upstreams, createReadPublished({ connection }));
    await connection.destroy();
    for (const line of toLines(report)) process.stdout.write(`${line}\n`);
    return isHealthy(report) ? 0 : 1;
  } catch (error) {
    if (!(error instanceof UnusableSettings)) throw error;
    process.stderr.write(`${error.message}\n`);
    return 2;
  }
}

void main().then((code) => {
  process.exitCode = code;
});
