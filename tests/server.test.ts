import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

describe('server.js', () => {
  it('reports a missing build and exits with 1', () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'chat-server-'));
    try {
      copyFileSync(path.resolve(__dirname, '..', 'server.js'), path.join(folder, 'server.js'));
      const { status, stderr } = spawnSync(process.execPath, ['server.js'], {
        cwd: folder,
        encoding: 'utf8',
      });
      expect(stderr).toBe('The application is not built yet: npm run build\n');
      expect(status).toBe(1);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
