import { client } from './client';

/**
 * Calls `onNews` when another device has changed a conversation, and after a connection that was lost. @returns a
 * function that ends it.
 */
export function listenToDevices(sessionId: string, onNews: () => void): () => void {
  const ending = new AbortController();
  void listen().catch(() => undefined);
  return () => ending.abort();

  async function listen(): Promise<void> {
    let isConnected = false;
    for await (const { event } of client.openSession(sessionId, { signal: ending.signal })) {
      const isNews = event === 'connected' ? isConnected : event !== 'message' && event !== 'queued';
      isConnected = true;
      if (isNews) onNews();
    }
  }
}
