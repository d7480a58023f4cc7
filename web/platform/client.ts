import { createClient, webStorage } from 'character-chat-client';

import { onTokens } from './login';

/** The one client of the page. It does all the talking to the server. */
export const client = createClient({
  baseUrl: '',
  // The tabs of a browser share one login.
  storage: webStorage(localStorage),
  // Browsers keep the cookie on secure connections only.
  refresh: location.protocol === 'https:' ? 'cookie' : 'body',
  onTokens,
});
