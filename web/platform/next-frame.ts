/** Runs `work` before the next paint. A hidden tab paints nothing, so there a timer runs it. @returns a function that cancels it. */
export function onNextFrame(work: () => void): () => void {
  if (document.visibilityState === 'visible') {
    const frame = requestAnimationFrame(work);
    return () => cancelAnimationFrame(frame);
  }
  const timer = setTimeout(work, 250);
  return () => clearTimeout(timer);
}

/** Lets the browser handle input and paint. */
export function yieldToPage(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
