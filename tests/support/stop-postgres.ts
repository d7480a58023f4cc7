/** Once, whoever of those that use it asks first: all tests are over by then. */
export default async function stopPostgres(): Promise<void> {
  const started = globalThis as { stopPostgres?: () => Promise<void> };
  const stop = started.stopPostgres;
  delete started.stopPostgres;
  await stop?.();
}
