/** knex never hands out a connection with this mark. The pool makes another connection instead. */
export interface PooledConnection {
  __knex__disposed?: unknown;
}

/** Returns a function that makes the pool replace a connection of this age. 0 disables this. */
export function limitedTo(maxLifetimeMs: number) {
  return (connection: PooledConnection): void => {
    if (maxLifetimeMs === 0) return;
    const mark = () => {
      connection.__knex__disposed ??= 'It has been open for long enough.';
    };
    // A timer above the largest allowed delay would fire immediately.
    setTimeout(mark, Math.min(maxLifetimeMs, 2_147_483_647)).unref();
  };
}
