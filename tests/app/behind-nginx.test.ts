import { startApp, type App } from '../support/app';
import { createClient, type Client } from '../support/client';
import { createGate, type Gate } from '../support/gate';
import { hasNginx, startNginx, type Nginx } from '../support/start-nginx';

/** nginx buffers replies by default. Here it also compresses each type, and replies of any size. */
const directives =
  'proxy_http_version 1.1; gzip on; gzip_proxied any; gzip_types *; gzip_min_length 1; gzip_vary on;';
const pieces = ['Maren ', 'here: ', 'the ', 'fog ', 'is ', 'thick.'];

const isInstalled = hasNginx();
if (!isInstalled) {
  process.stderr.write('\n### nginx is not installed: the tests behind nginx are SKIPPED. ###\n\n');
}

(isInstalled ? describe : describe.skip)('an event stream behind nginx with buffering and gzip', () => {
  let app: App;
  let nginx: Nginx;
  let user: Client;
  let characterId: string;

  beforeAll(async () => {
    app = await startApp({ env: { IS_PROXIED: 'true' } });
    nginx = await startNginx(app.url, directives);
    const { token, user: account } = await app.createUser();
    user = createClient(nginx.url, token, account);
    characterId = (await app.admin.createCharacter()).documentId;
  });
  afterAll(async () => {
    await nginx.stop();
    await app.stop();
  });

  /** Dify says each piece only after its gate has opened. */
  function answerInSteps(): readonly Gate[] {
    const gates = pieces.map(() => createGate());
    app.dify.script(async (reply) => {
      for (const [index, piece] of pieces.entries()) {
        await gates[index]?.opened;
        await reply.say(piece);
      }
      await reply.end();
    });
    return gates;
  }

  it.each(['default', 'compact'])('has each word before the next one exists: format %s', async (format) => {
    const gates = answerInSteps();
    const query = format === 'compact' ? '?format=compact' : '';
    const stream = await user.open('POST', `/api/chat-conversations/create-message${query}`, {
      body: { data: { character_id: characterId, query: 'How is it out there?' } },
    });
    expect([stream.status, stream.headers.get('content-encoding')]).toEqual([200, 'gzip']);

    const received: string[] = [];
    for await (const { event, data } of stream.events) {
      if (event === 'turn_started') gates[0]?.open();
      if (event !== 'message') continue;
      received.push(data.answer);
      // If nginx held this word back, the next one would never come.
      gates[received.length]?.open();
    }
    expect(received).toEqual(pieces);
  });

  it('is beside the same chat page as without nginx', async () => {
    const page = await user.get('/chat/');
    const direct = await app.anonymous.get('/chat/');
    expect([page.status, page.text]).toEqual([direct.status, direct.text]);
  });
});
