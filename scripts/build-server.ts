import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import path from 'node:path';

/** What a deleted source left behind would be loaded; and tsc writes nothing that its notes say it wrote before. */
for (const item of ['src', 'config', 'tsconfig.tsbuildinfo']) {
  rmSync(path.join('dist', item), { recursive: true, force: true });
}
const { status } = spawnSync(process.execPath, ['node_modules/typescript/bin/tsc'], { stdio: 'inherit' });
process.exitCode = status ?? 1;
