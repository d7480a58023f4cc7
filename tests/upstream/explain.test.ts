import { ChatError } from '../../src/chat/errors';
import { upstreamKinds, type UpstreamKind } from '../../src/chat/model/character';
import { explainFailure } from '../../src/upstream/explain';
import { thrown } from '../chat/support/collect';
import { difyClient, difySettings } from '../chat/support/dify';
import { consoleUpstream } from './dify-console/support/console';
import { openAiClient, openAiSettings } from './openai/support/openai';
import { answering, listen } from './support/raw-upstream';

/** Long enough for a busy machine. */
const patient = { connectTimeoutMs: 30_000, firstByteTimeoutMs: 30_000 };
const hasty = { connectTimeoutMs: 30_000, firstByteTimeoutMs: 200 };

/** Asks a server at this address with each of the clients. */
function failuresAt(url: string, deadlines = patient): Promise<readonly (readonly [UpstreamKind, string])[]> {
  const account = { email: 'owner@example.com', password: 'Passw0rd123', refusedLogins: 0 };
  const app = { id: '8c6b3a52-5e1d-4a3b-9d77-1b5a2c7e9f01', key: 'app-emulated-chat' };
  const clients = {
    dify: difyClient(difySettings({ url, apiKey: 'app-secret' }, deadlines)),
    'dify-console': consoleUpstream({ url, account, apps: [app] }, { overrides: deadlines }),
    openai: openAiClient(openAiSettings({ url, apiKey: 'sk-secret' }, deadlines)),
  };
  return Promise.all(
    upstreamKinds.map(
      async (kind) => [kind, explainFailure(await thrown(clients[kind].findProblem()), kind)] as const,
    ),
  );
}

const variables = { dify: 'DIFY_API_URL', 'dify-console': 'DIFY_CONSOLE_URL', openai: 'OPENAI_BASE_URL' };

async function expectAll(url: string, sentence: RegExp, deadlines = patient): Promise<void> {
  for (const [kind, text] of await failuresAt(url, deadlines)) {
    expect(text).toMatch(sentence);
    expect(text).toContain(variables[kind]);
    expect(text).not.toContain('secret');
  }
}

describe('explainFailure', () => {
  it('names the address at which no server listens', async () => {
    const server = await listen(() => undefined);
    await server.close();
    await expectAll(server.url, /^No server listens at the address .*ECONNREFUSED.* Start it/u);
  });

  it('names a host that is unknown', async () => {
    await expectAll('http://character-chat.invalid', /^The name of the server .* is unknown/u);
  });

  it('names a server that speaks no TLS', async () => {
    const server = await answering(200, '{}');
    await expectAll(server.url.replace('http:', 'https:'), /^The TLS of the server .* is not accepted/u);
    await server.close();
  });

  it('says nothing in brackets if the failure has no code', () => {
    const text = explainFailure(new ChatError('upstream-unreachable'), 'dify');
    expect(text).toBe('The server in DIFY_API_URL cannot be reached. Check the address and the network.');
  });

  it('names a server that does not answer in time', async () => {
    const server = await listen(() => undefined);
    await expectAll(server.url, /does not answer in time/u, hasty);
    await server.close();
  });

  it.each([
    [200, /something else answers/u],
    [302, /something else answers \(status \d+\)/u],
    [502, /fails \(status 502\)/u],
    [503, /overloaded \(status 503\)/u],
  ])('says what a page with the status %d means', async (status, sentence) => {
    const server = await answering(status, '<html>secret</html>', 'text/html');
    const texts = await failuresAt(server.url);
    for (const [, text] of texts) expect(text).toMatch(sentence);
    expect(JSON.stringify(texts)).not.toContain('secret');
    await server.close();
  });

  it('says what the 404 of a wrong address means', async () => {
    const server = await answering(404, '<html>secret</html>', 'text/html');
    const error = await thrown(difyClient(difySettings(server)).findProblem());
    expect(explainFailure(error, 'dify')).toMatch(/something else answers \(status 404\)/u);
    await server.close();
  });

  it('says nothing of an error that it does not know', () => {
    expect(explainFailure(new Error('secret'), 'dify')).not.toContain('secret');
    expect(explainFailure(new ChatError('upstream-rejected'), 'dify')).toContain('refuses the check');
  });
});
