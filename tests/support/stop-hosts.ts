import type { TestDatabase } from './database';
import type { Host } from './host/make-host';
import stopPostgres from './stop-postgres';

export default async function stopHosts(): Promise<void> {
  const { testHost, hostTemplate } = globalThis as { testHost?: Host; hostTemplate?: TestDatabase };
  await testHost?.remove();
  await hostTemplate?.drop();
  await stopPostgres();
}
