/** What one tab of the browser tells the others. */
export type TabNews =
  | { readonly kind: 'turn-started' | 'messages-changed'; readonly sessionId: string }
  | { readonly kind: 'conversations-changed' };

const channel = new BroadcastChannel('character-chat');

export const tellOtherTabs = (news: TabNews) => channel.postMessage(news);

/** Calls `onNews` with the news of other tabs. @returns a function that ends it. */
export function listenToTabs(onNews: (news: TabNews) => void): () => void {
  const listener = ({ data }: MessageEvent<TabNews>) => onNews(data);
  channel.addEventListener('message', listener);
  return () => channel.removeEventListener('message', listener);
}
