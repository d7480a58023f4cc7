import { randomUUID } from 'node:crypto';
import { inEnvelope, messageEndFields, thoughtFields, usageOf } from '../events';
import { dataFrame } from '../frames';
import type { Reply } from '../reply';
import { createWorkflow, workflowFinishedFields, workflowStartedFields } from '../workflow';
import { plays } from './fault';

/** Replies whose last events are missing, late, or in another order. */
export const lastEvents = {
  'workflow-end': plays(
    '`workflow_finished` with `status` is the last event; then `pings`, `silence` or `eof`',
    { status: 'succeeded', then: 'pings' },
    async (reply, { status, then }) => {
      await startWorkflow(reply);
      await reply.tell();
      await finishWorkflow(reply, reply.said, status);
      await endBy(reply, then);
    },
  ),
  'late-outputs': plays(
    'the text comes only in `workflow_finished`, before or after `message_end`; `last` is the last event',
    { last: 'workflow_finished' },
    async (reply, { last }) => {
      await startWorkflow(reply);
      const text = reply.deltas.join('');
      if (last === 'message_end') await finishWorkflow(reply, text);
      await endMessage(reply, text);
      if (last === 'workflow_finished') await finishWorkflow(reply, text);
      await reply.cut();
    },
  ),
  'late-outputs-missing': plays(
    'a chatflow without text; `message_end` is the last event; then `pings`, `silence` or `eof`; Dify saves `answer` or `nothing`',
    { then: 'pings', saved: 'answer' },
    async (reply, { then, saved }) => {
      await startWorkflow(reply);
      await endMessage(reply, saved === 'answer' ? reply.deltas.join('') : '');
      await endBy(reply, then);
    },
  ),
  'huge-outputs': plays(
    'a workflow with `status`, whose text comes only in `workflow_finished`, of `bytes` bytes; then `message_end` or `eof`',
    { bytes: 3_000_000, status: 'succeeded', then: 'message_end' },
    async (reply, { bytes, status, then }) => {
      await startWorkflow(reply);
      const { turn, deltas } = reply;
      turn.message.answer = deltas.join('');
      await finishWorkflow(reply, 'o'.repeat(bytes), status);
      if (then === 'message_end') await endMessage(reply, turn.message.answer);
      await reply.cut();
    },
  ),
  'late-thought': plays('the text comes only in an `agent_thought`', {}, async (reply) => {
    const step = { id: randomUUID(), position: 1 };
    const text = reply.deltas.join('');
    await reply.event({ event: 'agent_thought', ...thoughtFields(step) });
    await reply.event({ event: 'agent_thought', ...thoughtFields({ ...step, thought: text }) });
    await endMessage(reply, text);
    await reply.cut();
  }),
  'pause-then-pings': plays(
    'only pings after `workflow_paused`, without an end',
    { after: 3 },
    async (reply, { after }) => {
      await startWorkflow(reply);
      await reply.tell(after);
      await reply.event({ event: 'workflow_paused', data: { status: 'paused' } });
      await endBy(reply, 'pings');
    },
  ),
  'end-then-pings': plays('only pings after `message_end`, without an end', {}, async (reply) => {
    await reply.tell();
    await reply.finish();
    await endBy(reply, 'pings');
  }),
  'end-without-blank-line': plays(
    '`message_end` lacks its last `missing` line ends; then EOF',
    { missing: 1 },
    async (reply, { missing }) => {
      await reply.tell();
      const { turn } = reply;
      const fields = messageEndFields(turn, usageOf(turn, reply.said));
      const frame = dataFrame(inEnvelope(turn, 'message_end', fields), turn.profile);
      reply.save();
      await reply.raw(frame.subarray(0, frame.length - missing));
      await reply.cut();
    },
  ),
};

async function startWorkflow(reply: Reply): Promise<void> {
  const { turn } = reply;
  turn.workflow = createWorkflow(turn);
  await reply.event({ event: 'workflow_started', ...workflowStartedFields(turn.workflow, turn) });
}

async function finishWorkflow(reply: Reply, text: string, status = 'succeeded'): Promise<void> {
  const { turn } = reply;
  const fields = workflowFinishedFields(turn, { text, usage: usageOf(turn, text) });
  const data = { ...(fields['data'] as object), status };
  await reply.event({ event: 'workflow_finished', ...fields, data });
}

/** Saves the answer and sends `message_end`. No piece of the text was sent. */
async function endMessage(reply: Reply, text: string): Promise<void> {
  const { turn } = reply;
  turn.message.answer = text;
  await reply.event({ event: 'message_end', ...messageEndFields(turn, usageOf(turn, text)) });
}

async function endBy(reply: Reply, then: string): Promise<void> {
  if (then === 'eof') return reply.cut();
  if (then === 'silence') return reply.stall();
  reply.keepAlive();
  await reply.closed;
}
