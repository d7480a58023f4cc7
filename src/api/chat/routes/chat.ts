import { z } from 'zod';

import { schemas, searchParameters } from '../../../chat';
import { writing } from '../../../http/route-errors';
import { publicRoute, reading, userRoute } from '../../../http/user-route';
import { readyReply } from '../ready-reply';

export default {
  routes: [
    publicRoute('/chat/ready', 'chat.ready', {
      id: 'isReady',
      summary: 'Say whether the server takes new questions',
      reply: { json: readyReply, alsoWith: 503 },
    }),
    // For Prometheus, by a token of its own.
    { method: 'GET', path: '/chat/metrics', handler: 'chat.metrics', config: { auth: false } },
    userRoute(
      'GET',
      '/chat/search',
      'chat.search',
      {
        id: 'search',
        summary: 'Look for a text in own messages',
        query: { ...searchParameters.shape, ...schemas.pageParameters.shape },
        reply: { json: schemas.searchReply },
      },
      reading,
    ),
    userRoute(
      'GET',
      '/chat/export',
      'chat.exportOwn',
      { id: 'exportOwnData', summary: 'Export all own data', reply: { lines: 'ExportLine' } },
      reading,
    ),
    // An erasure can take as long as an export.
    userRoute(
      'DELETE',
      '/chat/me',
      'chat.eraseOwn',
      {
        id: 'eraseOwnData',
        summary: 'Erase all own sessions, messages and personal tokens',
        reply: { json: z.object({ data: z.object({ sessions: z.int(), messages: z.int() }) }) },
        errors: ['server-busy', ...writing],
      },
      reading,
    ),
  ],
};
