import http from 'node:http';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import type { AddressInfo } from 'node:net';

import { upstreamMessageOf, type ChatError } from '../../../src/chat/errors';
import { describeError } from '../../../src/chat/shared/log';
import { readCaptures, type Exchange } from '../../dify-emulator/captures/read';
import { askDify, difyClient, difySettings } from '../../chat/support/dify';

const versions = ['0.15.3', '1.12.1'] as const;
type Version = (typeof versions)[number];
const kinds = ['chat', 'agent-chat', 'advanced-chat'] as const;
type Kind = (typeof kinds)[number] | 'files' | 'moderation';
const each = versions.flatMap((version) => kinds.map((kind): [Version, Kind] => [version, kind]));

function recorded(version: Version, kind: Kind, name: string): Exchange {
  const found = readCaptures(version, kind).find((exchange) => exchange.name === name);
  if (found === undefined) throw new Error(`There is no recording ${version} ${kind} ${name}.`);
  return found;
}

let server: http.Server | undefined;

afterEach(() => {
  server?.close();
  server?.closeAllConnections();
});

/** Returns a client of a server that answers every request with the bytes of this recording. */
async function clientOf({ status, headers, reply }: Exchange) {
  const isStream = headers['content-type']?.startsWith('text/event-stream') === true;
  server = http.createServer((req, res) => {
    req.resume();
    res.writeHead(status, { 'Content-Type': headers['content-type'] ?? 'application/json' });
    res.end(isStream ? `${reply}\n\n` : reply);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return difyClient(difySettings({ url: `http://127.0.0.1:${port}`, apiKey: 'app-recorded' }));
}

describe.each(each)('the client of Dify %s, %s', (version, kind) => {
  it.each(['model-refuses', 'model-dies'])(
    'takes the error event of %s as a failure, with its ids',
    async (name) => {
      const client = await clientOf(recorded(version, kind, name));
      const { error, events } = await askDify(client);
      expect(error).toMatchObject({ code: 'upstream-failed' });
      expect(upstreamMessageOf(error as ChatError)).not.toBeNull();
      expect(events.find(({ type }) => type === 'identified')).toMatchObject({
        conversationId: expect.stringMatching(/^[0-9a-f-]{36}$/u),
        messageId: expect.stringMatching(/^[0-9a-f-]{36}$/u),
      });
    },
  );

  it.each([
    ['required-input-missing', 'The prompt of the character must have a value'],
    ['input-too-long', 'The prompt of the character can be at most 30000 characters long'],
  ])('names the variable and what to do in the log for %s', async (name, remedy) => {
    const client = await clientOf(recorded(version, kind, name));
    const { error } = await askDify(client);
    expect(error).toMatchObject({ code: 'upstream-misconfigured' });
    expect(describeError(error)).toContain(remedy);
  });

  it('names the variable to a client that sent it', async () => {
    const { status, headers, reply } = recorded(version, kind, 'input-too-long');
    const client = await clientOf({
      ...recorded(version, kind, 'input-too-long'),
      ...{ status, headers, reply: reply.replace('prompt in input form', 'city in input form') },
    });
    const { error } = await askDify(client, { inputs: { city: 'x'.repeat(30_001) } });
    expect(error).toMatchObject({
      code: 'invalid-request',
      message: 'inputs.city can be at most 30000 characters long.',
    });
  });

  it('finds nothing wrong with the recorded app, which takes prompts of 30000 characters', async () => {
    const client = await clientOf(recorded(version, kind, 'parameters'));
    expect(await client.findProblem()).toBeNull();
  });

  it('reads the recorded answer to its end', async () => {
    const client = await clientOf(recorded(version, kind, 'answer'));
    const { error, events, text } = await askDify(client);
    expect(error).toBeUndefined();
    expect(text).not.toBe('');
    expect(events.at(-1)).toMatchObject({ type: 'completed' });
  });
});

describe.each(versions)('the client of Dify %s', (version) => {
  it('reads each piece of an answer to a question with a file', async () => {
    const { error, text, events } = await askDify(await clientOf(recorded(version, 'files', 'question')));
    expect(error).toBeUndefined();
    expect(text).toMatch(/^你好 词1 .*词7$/u);
    expect(events.filter(({ type }) => type === 'file')).toEqual([]);
  });

  it.each([
    ['upload', /^[0-9a-f-]{36}$/u],
    ['upload-unknown-kind', /^[0-9a-f-]{36}$/u],
  ])('returns the id of a file after %s', async (name, id) => {
    const client = await clientOf(recorded(version, 'files', name));
    expect(await client.files?.upload(pixel, 'ada')).toMatch(id);
  });

  it('says that a file is too large', async () => {
    const client = await clientOf(recorded(version, 'files', 'upload-too-large'));
    await expect(client.files?.upload(pixel, 'ada')).rejects.toMatchObject({
      code: 'payload-too-large',
      message: 'The answering service takes no file of this size. Send a smaller one.',
    });
  });

  it('refuses a question with an unknown file', async () => {
    const client = await clientOf(recorded(version, 'files', 'question-file-unknown'));
    expect((await askDify(client)).error).toMatchObject({ code: 'upstream-rejected' });
  });

  it.each([
    ['question-refused', '这个问题不能回答。'],
    ['answer-taken-back', '回答被撤下。'],
  ])('shows only the sentence of the moderation after %s', async (name, sentence) => {
    const { text, error } = await askDify(await clientOf(recorded(version, 'moderation', name)));
    expect({ text, error }).toEqual({ text: sentence, error: undefined });
  });
});

const pixel = {
  name: 'pixel.png',
  mimeType: 'image/png',
  size: 3,
  open: () => Readable.from([Buffer.from('abc')]),
};

describe.each(versions)('an answer of Dify %s that lost its reader', (version) => {
  const lost = (exchange: Exchange) => {
    const messages = (JSON.parse(exchange.reply) as { data: { id: string; query: string }[] }).data;
    const newest = messages.at(-1);
    if (newest === undefined) throw new Error('The recording has no message.');
    const conversationId = new URL(exchange.path, 'http://dify').searchParams.get('conversation_id');
    return { user: 'ada', query: newest.query, askedAt: new Date(), conversationId, messageId: newest.id };
  };

  it('is found in the thoughts of an agent', async () => {
    const exchange = recorded(version, 'agent-chat', 'messages-after-disconnect');
    const client = await clientOf(exchange);
    const found = await client.findLostAnswer(lost(exchange));
    expect(found?.answer).toMatch(/\S/u);
  });

  it('is not found in a chat app', async () => {
    const exchange = recorded(version, 'chat', 'messages-after-disconnect');
    const client = await clientOf(exchange);
    expect(await client.findLostAnswer(lost(exchange))).toBeNull();
  });
});
