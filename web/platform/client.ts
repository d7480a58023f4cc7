import { createClient } from 'character-chat-client';

import { onTokens, tokens } from './login';

/** The one client of the page. It does all the talking to the server. */
export const client = createClient({
  baseUrl: '',
  storage: tokens,
  // No script can read the refresh token.
  refresh: 'cookie',
  onTokens,
});
