import { carriageReturns, everyByte, insideCharacters, several, withFieldNoise } from '../cutters';
import { dataFrame } from '../frames';
import { generate } from '../generate';
import type { Reply } from '../reply';
import type { Cutter } from '../wire';
import { plays } from './fault';

/** Valid replies in unusual bytes. A correct client notices no difference. */
export const framings = {
  'split-every-byte': plays('each byte in its own chunk', {}, (reply) => cutWith(reply, everyByte)),
  'split-characters': plays('chunks end inside UTF-8 characters (0.15: inside `\\uXXXX`)', {}, (reply) =>
    cutWith(reply, insideCharacters),
  ),
  'several-frames': plays('`frames` frames in one chunk', { frames: 5 }, (reply, { frames }) =>
    cutWith(reply, several(frames)),
  ),
  crlf: plays('CRLF line ends, cut between CR and LF', {}, (reply) => cutWith(reply, carriageReturns)),
  'field-noise': plays(
    'a BOM, comments, `id:`, `retry:` and unknown fields, `data:` without a space',
    {},
    (reply) => cutWith(reply, withFieldNoise()),
  ),
  'header-noise': plays(
    'headers that proxies add, and an unusual spelling of the content type',
    {},
    async (reply) => {
      reply.wire.open({
        'Content-Type': 'Text/Event-Stream;charset=UTF-8',
        'Set-Cookie': ['edge=1; Path=/', 'lb=2; HttpOnly'],
        Via: '1.1 varnish, 1.1 nginx',
        'X-Version': '1.9.2',
        'X-Env': 'PRODUCTION',
      });
      await generate(reply);
    },
  ),
  'success-status': plays(
    'the stream with another status of success',
    { status: 201 },
    async (reply, { status }) => {
      reply.wire.open({}, status);
      await generate(reply);
    },
  ),
  'no-content-type': plays('the stream without a content type', {}, async (reply) => {
    reply.wire.open({ 'Content-Type': undefined });
    await generate(reply);
  }),
  'malformed-json': plays('a frame of invalid JSON between valid ones', {}, async (reply) => {
    await reply.tell(2);
    await reply.raw('data: {"event": "message", "answer": "brok\n\n');
    await generate(reply);
  }),
  'huge-frame': plays('one delta of `bytes` bytes', { bytes: 1_048_576 }, async (reply, { bytes }) => {
    await reply.say('a'.repeat(bytes));
    await reply.end();
  }),
  'huge-unused': plays(
    'audio and the outputs of a node, each of `bytes` bytes, among the deltas',
    { bytes: 3_000_000 },
    async (reply, { bytes }) => {
      await reply.tell(2);
      await reply.event({ event: 'tts_message', audio: 'A'.repeat(bytes) });
      await reply.event({ event: 'node_finished', data: { outputs: { text: 'n'.repeat(bytes) } } });
      await generate(reply);
    },
  ),
  'huge-end': plays(
    '`message_end` with a cited text of `bytes` bytes',
    { bytes: 3_000_000 },
    async (reply, { bytes }) => {
      await reply.tell();
      await reply.finish({ metadata: { retriever_resources: [{ content: 'r'.repeat(bytes) }] } });
      await reply.end();
    },
  ),
  'many-unused': plays(
    '`events` small `agent_log` events among the deltas',
    { events: 5_000 },
    async (reply, { events }) => {
      await reply.tell(2);
      const log = dataFrame({ event: 'agent_log', data: { label: 'ROUND 1' } }, reply.turn.profile);
      await reply.raw(Buffer.concat(Array.from({ length: events }, () => log)));
      await generate(reply);
    },
  ),
  'huge-answer': plays(
    'an answer of `chars` characters in small deltas',
    { chars: 200_000 },
    async (reply, { chars }) => {
      const piece = 'The sea is wide and the night is long. ';
      for (let said = 0; said < chars; said += piece.length) await reply.say(piece.slice(0, chars - said));
      await reply.end();
    },
  ),
  'slow-deltas': plays('`ms` between deltas', { ms: 400 }, async (reply, { ms }) => {
    reply.keepAlive();
    for (const delta of reply.deltas) {
      await reply.say(delta);
      await reply.pause(ms);
    }
    await reply.end();
  }),
};

async function cutWith(reply: Reply, cutter: Cutter): Promise<void> {
  reply.wire.cutWith(cutter);
  await generate(reply);
}
