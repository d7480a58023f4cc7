/** Lets answers go on together, so that what it costs to begin them is over by then. */
export interface Gate {
  /**
   * Calls `go` once so many wait here, with a place from 0 to 1 that spreads them over their pace.
   * @returns how to wait no longer.
   */
  wait(together: number, go: (place: number) => void): () => void;
}

export function createGate(): Gate {
  const waiting = new Set<{ readonly go: (place: number) => void }>();
  return {
    wait(together, go) {
      const one = { go };
      waiting.add(one);
      if (waiting.size >= together) {
        const all = [...waiting];
        waiting.clear();
        for (const [index, each] of all.entries()) each.go(index / all.length);
      }
      return () => void waiting.delete(one);
    },
  };
}
