import { dataFrame, pingFrame } from '../frames';
import { generate, generateAsChatflow } from '../generate';
import type { Reply } from '../reply';
import { createWorkflow, workflowStartedFields } from '../workflow';
import { plays } from './fault';

/** Faults in which a reply fails, breaks off or never ends. `after` counts deltas. */
export const endings = {
  'error-first': plays(
    'an `error` event is the first frame',
    { code: 'completion_request_error' },
    (reply, { code }) => reply.error(code),
  ),
  'error-after-deltas': plays(
    'an `error` event in the middle; `code` is any code Dify documents',
    { code: 'completion_request_error', after: 3 },
    async (reply, { code, after }) => {
      await reply.tell(after);
      await reply.error(code);
    },
  ),
  'workflow-failed': plays(
    '`workflow_finished` with status `failed`, then `error`',
    { after: 3 },
    (reply, { after }) =>
      generateAsChatflow(reply, {
        pieces: after,
        failure: { code: 'completion_request_error', message: '[openai] Rate Limit Error' },
      }),
  ),
  'workflow-paused': plays('`workflow_paused` is the last event', { after: 3 }, pauseWorkflow),
  'eof-at-once': plays('200 and headers, then EOF', {}, async (reply) => {
    reply.wire.open();
    await reply.cut();
  }),
  'eof-after-deltas': plays('EOF with no terminal event', { after: 3 }, async (reply, { after }) => {
    await reply.tell(after);
    await reply.cut();
  }),
  'eof-but-saved': plays(
    'EOF in the middle; the whole answer is saved `ms` later',
    { after: 3, ms: 1000 },
    async (reply, { after, ms }) => {
      reply.outlive();
      await reply.tell(after);
      await reply.cut();
      await reply.pause(ms);
      await generate(reply);
    },
  ),
  'pings-then-eof': plays('`pings` pings and EOF', { pings: 3 }, async (reply, { pings }) => {
    for (let sent = 0; sent < pings; sent++) await reply.ping();
    await reply.cut();
  }),
  'cut-mid-frame': plays(
    'the socket is closed (FIN) inside a frame',
    { after: 3 },
    async (reply, { after }) => {
      await reply.tell(after);
      await halfFrame(reply);
      await reply.hangUp();
    },
  ),
  'reset-mid-frame': plays(
    'the connection is reset (RST) inside a frame',
    { after: 3 },
    async (reply, { after }) => {
      await reply.tell(after);
      await halfFrame(reply);
      await reply.reset();
    },
  ),
  'slow-first-byte': plays('nothing, not even headers, for `ms`', { ms: 5000 }, async (reply, { ms }) => {
    await reply.pause(ms);
    await generate(reply);
  }),
  'slow-first-event': plays('headers, then nothing for `ms`', { ms: 5000 }, async (reply, { ms }) => {
    reply.wire.open();
    await reply.pause(ms);
    await generate(reply);
  }),
  stall: plays(
    'no further bytes, not even pings; a stop has no effect',
    { after: 3 },
    async (reply, { after }) => {
      reply.ignoreStop();
      reply.wire.open();
      await reply.tell(after);
      await reply.stall();
    },
  ),
  'stall-with-pings': plays('only pings, without an end', { after: 3 }, async (reply, { after }) => {
    reply.wire.open();
    reply.keepAlive();
    await reply.tell(after);
    await reply.closed;
  }),
  'open-after-end': plays('the socket stays open after `message_end`', {}, async (reply) => {
    await reply.tell();
    await reply.finish();
    await reply.stall();
  }),
  'stop-ignored': plays('a stop has no effect', {}, async (reply) => {
    reply.ignoreStop();
    await generate(reply);
  }),
};

async function halfFrame(reply: Reply): Promise<void> {
  const frame = dataFrame({ event: 'message', answer: 'half a frame' }, reply.turn.profile);
  await reply.raw(frame.subarray(0, frame.length / 2));
}

async function pauseWorkflow(reply: Reply, { after }: { readonly after: number }): Promise<void> {
  const { turn } = reply;
  const workflow = createWorkflow(turn);
  await reply.event({ event: 'workflow_started', ...workflowStartedFields(workflow, turn) });
  await reply.raw(pingFrame);
  await reply.tell(after);
  const form = { form_id: 'form-1', node_id: 'human', node_title: 'Ask a person', form_content: 'Go on?' };
  const workflow_run_id = workflow.runId;
  const data = { workflow_run_id, paused_nodes: ['human'], outputs: {}, reasons: [form], status: 'paused' };
  await reply.event({
    event: 'human_input_required',
    workflow_run_id,
    data: { ...form, inputs: [], actions: [] },
  });
  await reply.event({ event: 'workflow_paused', workflow_run_id, data });
  await reply.cut();
}
