/** Stops PostgreSQL on the first call, which comes after all tests. Later calls do nothing. */
export default async function stopPostgres(): Promise<void> {
  const started = globalThis as { stopPostgres?: () => Promise<void> };
  const stop = started.stopPostgres;
  delete started.stopPostgres;
  await stop?.();
}
