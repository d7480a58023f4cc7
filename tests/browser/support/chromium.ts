import { existsSync } from 'node:fs';
import path from 'node:path';

/** Returns the path of Chromium, or null if it is not installed. */
export function findChromium(): string | null {
  const folders = [...(process.env['PATH'] ?? '').split(':'), '/usr/bin'];
  const files = folders.flatMap((folder) =>
    ['chromium', 'chromium-browser', 'google-chrome'].map((name) => path.join(folder, name)),
  );
  return files.find((file) => existsSync(file)) ?? null;
}

/** Defines tests that need a browser. Skips them if Chromium is not installed. */
export function describeInBrowser(name: string, tests: () => void): void {
  (findChromium() === null ? describe.skip : describe)(name, tests);
}
