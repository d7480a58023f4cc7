import { randomUUID } from 'node:crypto';
import { promptOf, thoughtFields, usageOf, type Workflow } from './events';
import type { Reply } from './reply';
import type { Thought } from './state';
import {
  answerNode,
  createWorkflow,
  llmNode,
  nodeFinishedFields,
  nodeStartedFields,
  startNode,
  workflowStartedFields,
  type NodeRun,
} from './workflow';

/** Plays a normal reply, from the first event to the end of the response. */
export async function generate(reply: Reply): Promise<void> {
  const { mode } = reply.turn.app;
  if (mode === 'advanced-chat') await generateAsChatflow(reply);
  else if (mode === 'agent-chat' || mode === 'agent') await generateAsAgent(reply);
  else await generateAsChat(reply);
  await reply.end();
}

async function generateAsChat(reply: Reply): Promise<void> {
  reply.keepAlive();
  await reply.tell();
}

/** Sends a step with a tool and a step with the answer. Dify sends a step several times under one id, as it grows. */
async function generateAsAgent(reply: Reply): Promise<void> {
  reply.keepAlive();
  const tool = {
    id: randomUUID(),
    position: 1,
    tool: 'current_time',
    tool_labels: { current_time: { en_US: 'Current Time', zh_Hans: '获取当前时间' } },
    tool_input: '{"current_time": {}}',
    observation: `{"current_time": "${new Date().toISOString()}"}`,
  };
  await reply.event({ event: 'agent_thought', ...thoughtFields({ id: tool.id, position: 1 }) });
  await reply.event({ event: 'agent_thought', ...thoughtFields({ ...tool, observation: '' }) });
  await reply.event({ event: 'agent_thought', ...thoughtFields(tool) });

  const last = { id: randomUUID(), position: 2 };
  await reply.event({ event: 'agent_thought', ...thoughtFields(last) });
  await reply.tell();
  const thought = reply.said;
  await reply.event({ event: 'agent_thought', ...thoughtFields({ ...last, thought }) });
  reply.turn.message.thoughts = [thoughtRow(tool), thoughtRow({ ...last, thought })];
  if (reply.turn.app.mode === 'agent') await sayOnceMore(reply);
}

/** Sends the whole answer as closing copy. It is not a delta: it does not change the saved answer. */
export async function sayOnceMore(reply: Reply): Promise<void> {
  await reply.event({
    event: 'message',
    id: reply.messageId,
    answer: reply.said,
    from_variable_selector: null,
  });
}

function thoughtRow(thought: Partial<Thought> & Pick<Thought, 'id' | 'position'>): Thought {
  return { thought: '', tool: '', tool_labels: {}, tool_input: '', observation: '', ...thought };
}

async function generateAsChatflow(reply: Reply): Promise<void> {
  const { turn } = reply;
  const { query } = turn.message;
  if (turn.profile === '1.x') await reply.ping();
  reply.keepAlive(turn.profile === '1.x' ? 'in-silence' : 'always');

  const workflow = (turn.workflow = createWorkflow(turn));
  await reply.event({ event: 'workflow_started', ...workflowStartedFields(workflow, turn.profile) });
  const start = await startRun(reply, workflow, { kind: startNode, inputs: workflow.inputs });
  await finishRun(reply, workflow, start, { outputs: workflow.inputs });

  const llm = await startRun(reply, workflow, { kind: llmNode, inputs: { 'sys.query': query } });
  await reply.tell();
  const text = reply.said;
  const usage = usageOf(turn, text);
  const prompts = [
    { role: 'system', text: promptOf(turn), files: [] },
    { role: 'user', text: query, files: [] },
  ];
  const processData = { model_mode: 'chat', prompts, model_provider: 'openai', model_name: 'gpt-4o' };
  await finishRun(reply, workflow, llm, {
    processData,
    outputs: { text, usage, finish_reason: 'stop' },
    usage,
  });

  const answer = await startRun(reply, workflow, { kind: answerNode, inputs: {} });
  await finishRun(reply, workflow, answer, { outputs: { answer: text, files: [] } });
}

async function startRun(
  reply: Reply,
  workflow: Workflow,
  of: Pick<NodeRun, 'kind' | 'inputs'>,
): Promise<NodeRun> {
  const run = { id: randomUUID(), index: ++workflow.steps, ...of };
  await reply.event({ event: 'node_started', ...nodeStartedFields(workflow, run) });
  return run;
}

async function finishRun(
  reply: Reply,
  workflow: Workflow,
  run: NodeRun,
  result: Parameters<typeof nodeFinishedFields>[2],
): Promise<void> {
  await reply.event({ event: 'node_finished', ...nodeFinishedFields(workflow, run, result) });
}
