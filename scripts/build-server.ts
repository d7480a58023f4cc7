import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import path from 'node:path';

import { copyViewer } from './viewer';

/** Deletes the old output: Strapi would load files of deleted sources, and tsc would skip files in its build info. */
for (const item of ['src', 'config', 'tsconfig.tsbuildinfo']) {
  rmSync(path.join('dist', item), { recursive: true, force: true });
}
const { status } = spawnSync(process.execPath, ['node_modules/typescript/bin/tsc'], { stdio: 'inherit' });
process.exitCode = status ?? 1;
if (status === 0) copyViewer('dist');
