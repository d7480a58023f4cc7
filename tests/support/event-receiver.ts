import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { createGate, type Gate } from './gate';
import { until } from './until';

export interface ReceivedEvent {
  /** `/webhook`, or `/lifecycle` for what a lifecycle subscriber has seen. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- each test checks the shape that it expects
  readonly body: any;
}

const messageUid = 'api::chat-conversation.chat-conversation';

/** Receives the webhooks of messages, and the calls of a lifecycle subscriber. Ignores those of other entries. */
export interface EventReceiver {
  /** Variables with which the application calls this receiver. */
  readonly env: Readonly<Record<string, string>>;
  /** Waits for `count` events, and returns and forgets them. */
  take(count: number): Promise<readonly ReceivedEvent[]>;
  count(): number;
  /** Returns the highest number of webhooks that waited for their replies together. */
  mostTogether(): number;
  /** Replies to no further webhook until the gate opens. */
  hold(): Gate;
  close(): Promise<void>;
}

/**
 * A script that Node loads before the application. It adds what users of Strapi add: a webhook, and a lifecycle
 * subscriber. The admin panel's API refuses webhooks to loopback addresses. A question with `Fail` makes the subscriber
 * fail.
 */
const preload = `
const Module = require('node:module');
const load = Module._load;
Module._load = function (request, ...rest) {
  const loaded = load.call(this, request, ...rest);
  if (!/dist[\\\\/]src[\\\\/]index(\\.js)?$/.test(String(request))) return loaded;
  const bootstrap = async ({ strapi }) => {
    await loaded.default.bootstrap({ strapi });
    const url = process.env.TEST_EVENT_RECEIVER;
    strapi
      .get('webhookRunner')
      .add({ id: 1, url: url + '/webhook', headers: {}, events: ['entry.create'], isEnabled: true });
    strapi.db.lifecycles.subscribe({
      models: ['${messageUid}'],
      async afterCreate({ action, model, params, result }) {
        const hasRequest = strapi.requestContext.get() !== undefined;
        const body = JSON.stringify({ action, uid: model.uid, data: params.data, result, hasRequest });
        await fetch(url + '/lifecycle', { method: 'POST', body });
        if (result.query.includes('Fail')) throw new Error(result.query);
        result.query = 'changed by a subscriber';
      },
    });
  };
  return { __esModule: true, default: { ...loaded.default, bootstrap } };
};
`;

export async function startEventReceiver(): Promise<EventReceiver> {
  const folder = await mkdtemp(path.join(tmpdir(), 'event-receiver-'));
  const file = path.join(folder, 'preload.cjs');
  await writeFile(file, preload);
  const events: ReceivedEvent[] = [];
  let gate: Gate | undefined;
  let open = 0;
  let mostOpen = 0;
  const server = createServer((request, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const text = Buffer.concat(chunks).toString();
      const body = JSON.parse(text) as { readonly uid: string };
      if (body.uid === messageUid) {
        events.push({ path: request.url ?? '', headers: request.headers, text, body });
        if (request.url === '/webhook') {
          open += 1;
          mostOpen = Math.max(mostOpen, open);
          await gate?.opened;
          open -= 1;
        }
      }
      response.end();
    })();
  });
  return {
    env: {
      CHAT_STRAPI_EVENTS: 'true',
      NODE_OPTIONS: `--require ${file}`,
      TEST_EVENT_RECEIVER: await listen(server),
    },
    async take(count) {
      await until(() => events.length >= count);
      return events.splice(0);
    },
    count: () => events.length,
    mostTogether: () => mostOpen,
    hold: () => (gate = createGate()),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(folder, { recursive: true });
    },
  };
}

async function listen(server: Server): Promise<string> {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
