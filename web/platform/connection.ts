import { signal } from '@preact/signals';

export const isOnline = signal(navigator.onLine);
addEventListener('online', () => (isOnline.value = true));
addEventListener('offline', () => (isOnline.value = false));

/**
 * Calls `onWake` when the network is back, and when the page is shown or runs again, e.g. after sleep. @returns a function
 * that ends it.
 */
export function listenToWake(onWake: () => void): () => void {
  const onVisible = () => document.visibilityState === 'visible' && onWake();
  addEventListener('online', onWake);
  document.addEventListener('visibilitychange', onVisible);
  // The browser can freeze a tab, and a frozen tab can be visible.
  document.addEventListener('resume', onWake);
  return () => {
    removeEventListener('online', onWake);
    document.removeEventListener('visibilitychange', onVisible);
    document.removeEventListener('resume', onWake);
  };
}

/** Waits until the page wakes, or for `ms`. */
export function wakeOr(ms: number): Promise<void> {
  return new Promise((resolve) => {
    const stop = listenToWake(done);
    const timer = setTimeout(done, ms);
    function done(): void {
      stop();
      clearTimeout(timer);
      resolve();
    }
  });
}
