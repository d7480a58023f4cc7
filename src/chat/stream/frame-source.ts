import type { Frame } from './sse';

type Batch = IteratorResult<readonly Frame[], void>;

/** Batches of frames, one after the other. */
export interface FrameSource extends AsyncIterator<readonly Frame[], void> {
  /** Where there is this, it is asked by it: the next batch if there is one, else null, and `onReady` tells when. */
  poll?(onReady: () => void): Batch | null;
}

export interface PullOptions {
  /** Called after a pull that gave nothing, when there is something to pull. */
  readonly onReady: () => void;
  /** What the source rejects with. Nothing follows. */
  readonly onFailed: (error: Error) => void;
}

/** Asks a source for its next batch. Null where it is yet to come: asking again meanwhile skips none. */
export type Pull = () => Batch | null;

export function createPull(source: FrameSource, { onReady, onFailed }: PullOptions): Pull {
  let come: Batch | null = null;
  let isAsked = false;

  function ask(): void {
    isAsked = true;
    source.next().then((batch) => {
      isAsked = false;
      come = batch;
      onReady();
    }, onFailed);
  }

  return () => {
    if (source.poll !== undefined) return source.poll(onReady);
    const batch = come;
    come = null;
    if (batch === null && !isAsked) ask();
    return batch;
  };
}
