import { z } from 'zod';

import { schemas, searchParameters } from '../../../chat';
import { writing } from '../../../http/route-errors';
import { publicRoute, reading, userRoute } from '../../../http/user-route';
import { readyReply } from '../ready-reply';

/** How much was erased. */
const erasedReply = z.object({
  sessions: z.int().describe('How many sessions were erased.'),
  messages: z.int().describe('How many messages were erased.'),
});

export default {
  routes: [
    publicRoute('/chat/ready', 'chat.ready', {
      id: 'isReady',
      summary: 'Say whether the server takes new questions',
      description:
        'For load balancers: 503 while the process shuts down or lacks a resource. It asks neither ' +
        'the upstream nor the database.',
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
        description:
          'Compares the text with the question in questions and with the answer in answers, the ' +
          'newest first. One request searches the newest 20,000 messages. Request pages by `cursor` ' +
          'until `meta.nextCursor` is null: pages before can be short or empty.',
        query: { ...searchParameters.shape, ...schemas.pageParameters.shape },
        reply: { json: schemas.searchReply },
      },
      reading,
    ),
    userRoute(
      'GET',
      '/chat/export',
      'chat.exportOwn',
      {
        id: 'exportOwnData',
        summary: 'Export all own data',
        description:
          'One JSON object a line: the account, its personal tokens without their secrets, the ' +
          'sessions, the messages, the uploads. If the server cannot complete an export, it cuts the ' +
          'connection.',
        reply: { lines: 'ExportLine' },
      },
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
        description:
          'Stops running answers first. Erases permanently, deleted entries too. The account stays. If ' +
          'the request breaks off, send it again.',
        reply: { json: z.object({ data: erasedReply }) },
        errors: ['server-busy', ...writing],
      },
      reading,
    ),
  ],
};
