import { buildWhatIsStale } from './demo/build';

/** Builds the server, the admin panel and the chat page if they are missing or older than their sources. */
buildWhatIsStale(new AbortController().signal).catch((error: unknown) => {
  process.exitCode = 1;
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
});
