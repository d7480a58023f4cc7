import stopPostgres from './stop-postgres';

export default async function stopHistoryServers(): Promise<void> {
  const { stopMariadb } = globalThis as { stopMariadb?: () => Promise<void> };
  await Promise.all([stopMariadb?.(), stopPostgres()]);
}
