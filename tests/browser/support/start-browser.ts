import startSqlite from '../../support/start-sqlite';
import { findChromium } from './chromium';

/** Makes the database that the tests copy. A missing Chromium is no failure. */
export default async function startBrowser(): Promise<void> {
  if (findChromium() === null) {
    process.stderr.write('\n### Chromium is not installed: the tests in a browser are SKIPPED. ###\n\n');
    return;
  }
  await startSqlite();
}
