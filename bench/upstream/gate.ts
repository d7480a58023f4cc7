/** Lets answers continue together, after all have begun, so that the cost of their start is not measured. */
export interface Gate {
  /**
   * Calls `go` as soon as `together` answers wait here. Its `place` from 0 to 1 spreads them over their interval.
   * @returns a function that stops waiting.
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
