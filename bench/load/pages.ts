import { connect } from 'node:net';

import { nowUs } from '../upstream/token';
import { createHttpBody } from './http-body';
import type { PageJob, PageResult } from './jobs';

const replyTimeoutMs = 120_000;

/** Runs the requests of a job. @throws Error for a wrong reply. */
export async function runPages({ port, request, times, contains, count }: PageJob): Promise<PageResult> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  const ms: number[] = [];
  try {
    for (let index = 0; index < times; index += 1) {
      const beginUs = nowUs();
      const body = await getOnce(socket, request);
      ms.push((nowUs() - beginUs) / 1000);
      const found = body.split(contains).length - 1;
      if (found !== count) throw new Error(`${found} instead of ${count} rows: ${body.slice(0, 500)}`);
    }
  } finally {
    socket.destroy();
  }
  return { type: 'pages', ms };
}

function getOnce(socket: ReturnType<typeof connect>, request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const body = createHttpBody();
    const finish = (error?: Error) => {
      clearTimeout(timer);
      socket.off('data', onData).off('error', finish).off('close', onClose);
      if (error === undefined) resolve(text);
      else reject(error);
    };
    const onClose = () => finish(new Error('The connection was closed.'));
    const onData = (piece: Buffer) => {
      try {
        text += body.take(piece.toString('latin1'));
        if (body.isOver()) finish();
      } catch (error) {
        finish(error instanceof Error ? error : new Error(String(error)));
      }
    };
    const timer = setTimeout(() => finish(new Error('No reply.')), replyTimeoutMs);
    socket.on('data', onData).once('error', finish).once('close', onClose);
    socket.write(request);
  });
}
