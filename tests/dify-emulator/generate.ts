import { randomUUID } from 'node:crypto';
import { thoughtFields, usageOf, type Workflow } from './events';
import type { Reply } from './reply';
import type { Thought } from './state';
import {
  answerNode,
  createWorkflow,
  llmNode,
  llmResult,
  nodeFinishedFields,
  nodeStartedFields,
  startNode,
  startedInputs,
  workflowFinishedFields,
  workflowStartedFields,
  type NodeResult,
  type NodeRun,
} from './workflow';

/** What the model behind an app does for one answer. */
export type Model = {
  /** Default true. Only an agent calls a tool. */
  readonly callsTool?: boolean;
  /** Number of pieces of the answer that it writes. Default: all. */
  readonly pieces?: number;
  /** Runs before the first piece. */
  readonly before?: (reply: Reply) => Promise<void>;
  /** Runs after the last piece. */
  readonly after?: (reply: Reply) => Promise<void>;
  /** The error of the provider after the last piece. */
  readonly failure?: Failure;
};

export type Failure = { readonly code: string; readonly message: string };

/** Plays a normal reply, from the first event to the end of the response. */
export async function generate(reply: Reply, model: Model = {}): Promise<void> {
  const { mode } = reply.turn.app;
  if (mode === 'advanced-chat') await generateAsChatflow(reply, model);
  else if (mode === 'agent-chat' || mode === 'agent') await generateAsAgent(reply, model);
  else await generateAsChat(reply, model);
  await reply.end();
}

async function generateAsChat(reply: Reply, model: Model): Promise<void> {
  const { app, message } = reply.turn;
  const { words, onQuestion, onAnswer } = app.moderation;
  if (words.some((word) => message.query.includes(word))) return refuseQuestion(reply, onQuestion);
  reply.keepAlive();
  await model.before?.(reply);
  await writePieces(reply, model);
  if (words.some((word) => reply.said.includes(word))) await reply.replace(onAnswer);
  if (model.failure) await reply.error(model.failure.code, model.failure.message);
}

/** Dify asks no model, and sends each character on its own. 0.15 then sends the whole answer again. */
async function refuseQuestion(reply: Reply, answer: string): Promise<void> {
  for (const character of answer) await reply.say(character);
  if (reply.turn.profile === '0.15') await reply.replace(answer);
  await reply.end({ prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 });
}

/** Writes the pieces of the answer. An answer that does not fail ends with an empty piece. */
async function writePieces(reply: Reply, { pieces, after, failure }: Model): Promise<void> {
  await reply.tell(pieces);
  await after?.(reply);
  if (!failure) await reply.say('');
}

/** Sends a step with a tool and a step with the answer. Dify sends a step several times under one id, as it grows. */
async function generateAsAgent(reply: Reply, model: Model): Promise<void> {
  const { callsTool = true, pieces, failure } = model;
  reply.keepAlive();
  if (callsTool) await callTool(reply);
  const step = { id: randomUUID(), position: callsTool ? 2 : 1 };
  saveThought(reply, step);
  await model.before?.(reply);
  const isRefused = failure !== undefined && pieces === 0;
  if (!isRefused) await reply.event({ event: 'agent_thought', ...thoughtFields(step) });
  await writePieces(reply, model);
  if (failure) return reply.error(failure.code, failure.message);
  if (reply.isStopped) return;
  // Dify saves the thought also when the client has left.
  const thought = reply.deltas.slice(0, pieces).join('');
  saveThought(reply, { ...step, thought });
  await reply.event({ event: 'agent_thought', ...thoughtFields({ ...step, thought }) });
  if (reply.turn.app.mode === 'agent') await sayOnceMore(reply);
}

async function callTool(reply: Reply): Promise<void> {
  const step = { id: randomUUID(), position: 1 };
  const label = {
    zh_Hans: '获取当前时间',
    en_US: 'Current Time',
    pt_BR: 'Current Time',
    ja_JP: 'Current Time',
  };
  const call = {
    ...step,
    tool: 'current_time',
    tool_labels: { current_time: label },
    tool_input: '{"current_time": {}}',
  };
  const result = { ...call, observation: `{"current_time": "${new Date().toISOString()}"}` };
  await reply.event({ event: 'agent_thought', ...thoughtFields(step) });
  await reply.say('');
  await reply.event({ event: 'agent_thought', ...thoughtFields(call) });
  await reply.event({ event: 'agent_thought', ...thoughtFields(result) });
  saveThought(reply, result);
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

function saveThought(reply: Reply, thought: Partial<Thought> & Pick<Thought, 'id' | 'position'>): void {
  const { message } = reply.turn;
  const row = { thought: '', tool: '', tool_labels: {}, tool_input: '', observation: '', ...thought };
  message.thoughts = [...message.thoughts.filter(({ id }) => id !== row.id), row];
}

export async function generateAsChatflow(reply: Reply, model: Model): Promise<void> {
  const { turn } = reply;
  reply.keepAlive(turn.profile === '1.x' ? 'in-silence' : 'always');
  const workflow = (turn.workflow = createWorkflow(turn));
  await reply.event({ event: 'workflow_started', ...workflowStartedFields(workflow, turn) });
  const start = await startRun(reply, workflow, startNode);
  const inputs = startedInputs(workflow, turn);
  await finishRun(reply, workflow, start, { inputs, outputs: inputs });

  const llm = await startRun(reply, workflow, llmNode);
  await model.before?.(reply);
  await writePieces(reply, model);
  if (model.failure) return failRun(reply, { workflow, run: llm, failure: model.failure });
  const text = reply.said;
  await finishRun(reply, workflow, llm, llmResult(turn, text));

  const answer = await startRun(reply, workflow, answerNode);
  await finishRun(reply, workflow, answer, { outputs: { answer: text, files: [] } });
}

/** Dify reports each failure of the model as `invalid_param`. */
async function failRun(
  reply: Reply,
  of: { readonly workflow: Workflow; readonly run: NodeRun; readonly failure: Failure },
): Promise<void> {
  const { turn } = reply;
  const error = of.failure.message;
  await finishRun(reply, of.workflow, of.run, { ...llmResult(turn, ''), error });
  const finished = workflowFinishedFields(turn, { text: '', usage: usageOf(turn, ''), error });
  await reply.event({ event: 'workflow_finished', ...finished });
  await reply.error('invalid_param', `Run failed: ${error}`);
}

async function startRun(reply: Reply, workflow: Workflow, kind: NodeRun['kind']): Promise<NodeRun> {
  const run = { id: randomUUID(), index: ++workflow.steps, kind };
  await reply.event({ event: 'node_started', ...nodeStartedFields(workflow, run, reply.turn.profile) });
  return run;
}

async function finishRun(reply: Reply, workflow: Workflow, run: NodeRun, result: NodeResult): Promise<void> {
  await reply.event({
    event: 'node_finished',
    ...nodeFinishedFields(workflow, run, { ...result, profile: reply.turn.profile }),
  });
}
