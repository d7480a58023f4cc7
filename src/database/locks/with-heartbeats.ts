import type { ProcessLock } from './process-lock';

/** Signs of life that a process gives beside its lock. */
export interface Heartbeats {
  start(lockName: () => string | null): void;
  /** Returns the processes that have given no sign for seconds. Returns none while this cannot be known. */
  findMissing(names: readonly string[]): Promise<ReadonlySet<string>>;
  stop(): Promise<void>;
}

/** A process that is paused keeps its lock. Its heartbeats stop. */
export function withHeartbeats(lock: ProcessLock, heartbeats: Heartbeats): ProcessLock {
  return {
    ...lock,
    async take() {
      await lock.take();
      heartbeats.start(lock.holder);
    },
    async inspect(holders, options) {
      const states = await lock.inspect(holders, options);
      const living = holders.filter((holder) => states.get(holder) === 'living');
      const missing = await heartbeats.findMissing(living);
      return new Map([...states, ...[...missing].map((holder) => [holder, 'missing'] as const)]);
    },
    async release() {
      await heartbeats.stop();
      await lock.release();
    },
  };
}
