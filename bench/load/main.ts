/** The load clients: a separate process that runs one job after the other. */
import type { Job } from './jobs';
import { runPages } from './pages';
import { runStreams } from './streams';

const report = (message: Readonly<Record<string, unknown>>) => process.send?.(message);

async function run(job: Job): Promise<void> {
  if ('pages' in job) report({ ...(await runPages(job.pages)) });
  else {
    const result = await runStreams(job.streams, (state, events) => {
      report({ type: 'window', state, events });
    });
    report({ ...result });
  }
}

process.on('message', (job: Job) => {
  run(job).catch((error: unknown) => report({ type: 'failed', message: String(error) }));
});
process.on('disconnect', () => process.exit());
report({ port: 0 });
