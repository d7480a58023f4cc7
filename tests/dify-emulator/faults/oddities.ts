import { randomUUID } from 'node:crypto';
import { blockingAnswer, thoughtFields } from '../events';
import { generate, sayOnceMore } from '../generate';
import { plays } from './fault';

/** A PNG of one pixel. */
const onePixel = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==',
  'base64',
);

/** Complete replies with events that a client may not expect. */
export const oddities = {
  'unknown-event': plays('unknown events, with and without text', {}, async (reply) => {
    await reply.event({ event: 'weather_report', data: { sky: 'clear' } });
    await reply.tell(2);
    await reply.event({ event: 'weather_report', answer: 'rain', data: null });
    await generate(reply);
  }),
  'agent-log': plays('`agent_log` events among the deltas', {}, async (reply) => {
    await reply.tell(1);
    const data = { node_execution_id: randomUUID(), id: randomUUID(), label: 'ROUND 1', node_id: 'agent' };
    await reply.event({ event: 'agent_log', data: { ...data, status: 'start', data: {} } });
    await generate(reply);
  }),
  'text-as-message-file': plays(
    'an image, then every delta as a `message_file` that carries `answer`',
    {},
    async (reply) => {
      await reply.showFile({ name: 'sea.png', mimeType: 'image/png', bytes: onePixel });
      for (const delta of reply.deltas) await reply.say(delta, { event: 'message_file' });
      await reply.end();
    },
  ),
  'message-replace': plays(
    '`message_replace` replaces the text so far',
    { text: 'Let us talk of something else.' },
    async (reply, { text }) => {
      await reply.tell(5);
      await reply.replace(text);
      await reply.end();
    },
  ),
  'closing-copy': plays('the whole answer again as a `message`, as a New Agent ends', {}, async (reply) => {
    for (const delta of reply.deltas)
      await reply.say(delta, { event: 'agent_message', from_variable_selector: undefined });
    await sayOnceMore(reply);
    await reply.end();
  }),
  'tts-after-end': plays('audio among the deltas and after `message_end`', {}, async (reply) => {
    await reply.tell(3);
    await reply.event({ event: 'tts_message', audio: 'SUQzBAAAAAAA' });
    await reply.tell();
    await reply.finish();
    await reply.event({ event: 'tts_message', audio: 'SUQzBAAAAAAA' });
    await reply.event({ event: 'tts_message_end', audio: '' });
    await reply.end();
  }),
  'duplicated-end': plays('`message_end` twice', {}, async (reply) => {
    await reply.tell();
    await reply.finish();
    await reply.finish();
    await reply.end();
  }),
  'missing-ids': plays('no ids in any event', {}, async (reply) => {
    const noIds = { conversation_id: undefined, message_id: undefined, task_id: undefined, id: undefined };
    for (const delta of reply.deltas) await reply.say(delta, noIds);
    await reply.finish(noIds);
    await reply.end();
  }),
  'null-answer': plays('deltas with `answer: null` and an empty one', {}, async (reply) => {
    await reply.say('', { answer: null });
    await reply.tell(2);
    await reply.say('', { answer: null });
    await reply.say('');
    await generate(reply);
  }),
  'missing-metadata': plays('`message_end` without `metadata`', {}, async (reply) => {
    await reply.tell();
    await reply.finish({ metadata: undefined });
    await reply.end();
  }),
  reasoning: plays('a `<think>` block inline before the answer', {}, async (reply) => {
    for (const text of ['<think>', '\nA person asks.', ' I had better answer.\n', '</think>', '\n\n'])
      await reply.say(text);
    await generate(reply);
  }),
  'empty-answer': plays('only `message_end`', {}, (reply) => reply.end()),
  'json-instead-of-stream': plays(
    'the blocking answer although the client asked for a stream',
    {},
    async (reply) => {
      reply.turn.message.answer = reply.deltas.join('');
      await reply.refuse(blockingAnswer(reply.turn));
    },
  ),
  'thoughts-only': plays('an empty `agent_thought`, then EOF', {}, async (reply) => {
    await reply.event({ event: 'agent_thought', ...thoughtFields({ id: randomUUID(), position: 1 }) });
    await reply.cut();
  }),
};
