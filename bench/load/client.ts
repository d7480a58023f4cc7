import type { NodeProcess } from '../support/processes';
import {
  reportSchema,
  type Job,
  type PageJob,
  type PageResult,
  type StreamJob,
  type StreamResult,
} from './jobs';

/** Runs jobs in the process of the load clients, one at a time. */
export interface LoadClient {
  /** @throws Error when the job could not run at all. Failed turns are part of the result. */
  streams(job: StreamJob, onWindow?: OnWindow): Promise<StreamResult>;
  /** @throws Error at the first wrong reply. */
  pages(job: PageJob): Promise<PageResult>;
}

/** Called immediately when the window opens or closes, with the number of events so far. */
export type OnWindow = (state: 'open' | 'closed', events: number) => void;

export function createLoadClient(child: NodeProcess): LoadClient {
  async function run(job: Job, onWindow?: OnWindow): Promise<StreamResult | PageResult> {
    return new Promise((resolve, reject) => {
      const stopListening = child.onMessage((message) => {
        const report = reportSchema.parse(message);
        if (report.type === 'window') {
          onWindow?.(report.state, report.events);
          return;
        }
        stopListening();
        if (report.type === 'failed') reject(new Error(report.message));
        else resolve(report);
      });
      child.send(job);
    });
  }
  return {
    async streams(streams, onWindow) {
      const result = await run({ streams }, onWindow);
      if (result.type === 'streams') return result;
      throw new Error('The load client returned another result than that of streams.');
    },
    async pages(pages) {
      const result = await run({ pages });
      if (result.type === 'pages') return result;
      throw new Error('The load client returned another result than that of pages.');
    },
  };
}
