import { randomUUID } from 'node:crypto';
import { promptOf, usageFields, usageOf, type Turn, type Workflow } from './events';
import type { EventFields, Profile } from './frames';
import { epochSeconds } from './state';
import type { Usage } from './usage';

type NodeKind = { readonly nodeType: string; readonly title: string; readonly follows: string | null };

/** The id of a node equals its type. */
export const startNode: NodeKind = { nodeType: 'start', title: 'Start', follows: null };
export const llmNode: NodeKind = { nodeType: 'llm', title: 'LLM', follows: 'start' };
export const answerNode: NodeKind = { nodeType: 'answer', title: 'Answer', follows: 'llm' };

/** Creates a run of the chatflow. Its inputs are the inputs of the app and the system variables. */
export function createWorkflow(turn: Turn): Workflow {
  return { runId: randomUUID(), id: turn.app.workflowId, steps: 0 };
}

/** 1.x leaves out the id of the conversation. */
export function workflowStartedFields(workflow: Workflow, turn: Turn): EventFields {
  const { runId, id } = workflow;
  const all = startedInputs(workflow, turn);
  const inputs = turn.profile === '0.15' ? all : { ...all, 'sys.conversation_id': undefined };
  const data = { id: runId, workflow_id: id, ...sequence(turn.profile), inputs, created_at: epochSeconds() };
  return { workflow_run_id: runId, data };
}

/** Returns the inputs and outputs of the start node. 0.15 counts earlier questions, 1.x counts this one too. */
export function startedInputs({ runId, id }: Workflow, turn: Turn): EventFields {
  const { message, conversation, app, earlier, profile } = turn;
  const query = { 'sys.query': message.query };
  const files = { 'sys.files': [] };
  const session = { 'sys.conversation_id': conversation.id };
  const user = { 'sys.user_id': conversation.endUser.name };
  const ids = { 'sys.app_id': app.id, 'sys.workflow_id': id, 'sys.workflow_run_id': runId };
  if (profile === '0.15') {
    const { 'sys.app_id': appId, ...run } = ids;
    const count = { 'sys.dialogue_count': earlier.length };
    return {
      ...message.inputs,
      ...query,
      ...files,
      ...session,
      ...user,
      ...count,
      'sys.app_id': appId,
      ...run,
    };
  }
  const count = { 'sys.dialogue_count': earlier.length + 1 };
  return { ...message.inputs, ...files, ...user, ...ids, ...query, ...session, ...count };
}

export function workflowFinishedFields(
  turn: Turn,
  {
    text,
    usage,
    isStopped = false,
    error,
  }: { text: string; usage: Usage; isStopped?: boolean; error?: string },
): EventFields {
  const { runId, id, steps } = turn.workflow ?? createWorkflow(turn);
  const { endUser } = turn.conversation;
  const isOld = turn.profile === '0.15';
  const nothing = isOld ? null : {};
  const outputs = isOld ? { answer: text } : { answer: text, files: [] };
  const ended = isStopped ? 'stopped' : 'succeeded';
  const data = {
    id: runId,
    workflow_id: id,
    ...sequence(turn.profile),
    status: error === undefined ? ended : 'failed',
    outputs: isStopped || error !== undefined ? nothing : outputs,
    error: error ?? (isStopped ? 'Stopped by user.' : null),
    elapsed_time: usage.latency,
    total_tokens: usage.total_tokens,
    total_steps: steps,
    created_by: { id: endUser.id, user: endUser.name },
    created_at: turn.message.createdAt,
    finished_at: epochSeconds(),
    exceptions_count: !isOld && error !== undefined ? 1 : 0,
    files: [],
  };
  return { workflow_run_id: runId, data };
}

export type NodeRun = { readonly kind: NodeKind; readonly id: string; readonly index: number };

export type NodeResult = {
  readonly inputs?: unknown;
  readonly processData?: unknown;
  readonly outputs?: unknown;
  readonly usage?: Usage;
  readonly error?: string;
};

/** Returns what the node with the model used and produced. Clients receive the whole prompts. */
export function llmResult(turn: Turn, text: string): NodeResult {
  const usage = usageOf(turn, text);
  const prompts = [
    { role: 'system', text: promptOf(turn), files: [] },
    ...turn.earlier.flatMap(({ query, answer }) => [
      { role: 'user', text: query, files: [] },
      { role: 'assistant', text: answer, files: [] },
    ]),
    { role: 'user', text: turn.message.query, files: [] },
  ];
  const model = { model_provider: 'openai', model_name: 'gpt-4o' };
  const asked = { model_mode: 'chat', prompts };
  const end = { usage: usageFields(turn, usage), finish_reason: 'stop' };
  if (turn.profile === '0.15')
    return { usage, processData: { ...asked, ...model }, outputs: { text, ...end } };
  return {
    usage,
    processData: { ...asked, ...end, ...model },
    outputs: { text, reasoning_content: '', ...end },
  };
}

export function nodeStartedFields({ runId }: Workflow, run: NodeRun, profile: Profile): EventFields {
  const isOld = profile === '0.15';
  const data = {
    ...nodeFields(run, profile),
    inputs: null,
    ...(!isOld && { inputs_truncated: false }),
    created_at: epochSeconds(),
    extras: {},
    ...(isOld ? { ...parallels, parallel_run_id: null } : { ...loops, agent_strategy: null }),
  };
  return { workflow_run_id: runId, data };
}

export function nodeFinishedFields(
  { runId }: Workflow,
  run: NodeRun,
  { inputs, processData, outputs, usage, error, profile }: NodeResult & { readonly profile: Profile },
): EventFields {
  const isOld = profile === '0.15';
  const nothing = isOld ? null : {};
  const hasFailed = error !== undefined;
  const cut = (field: string): EventFields => (isOld ? {} : { [`${field}_truncated`]: false });
  const data = {
    ...nodeFields(run, profile),
    inputs: inputs ?? nothing,
    ...cut('inputs'),
    process_data: (hasFailed && !isOld ? undefined : processData) ?? nothing,
    ...cut('process_data'),
    outputs: hasFailed ? nothing : outputs,
    ...cut('outputs'),
    status: hasFailed ? 'failed' : 'succeeded',
    error: error ?? null,
    elapsed_time: usage?.latency ?? 0,
    execution_metadata:
      usage && !hasFailed
        ? { total_tokens: usage.total_tokens, total_price: usage.total_price, currency: usage.currency }
        : null,
    created_at: epochSeconds(),
    finished_at: epochSeconds(),
    files: [],
    ...(isOld ? parallels : loops),
  };
  return { workflow_run_id: runId, data };
}

/** 1.x numbers no nodes and names no predecessor. */
function nodeFields({ kind, id, index }: NodeRun, profile: Profile): EventFields {
  const isOld = profile === '0.15';
  return {
    id,
    node_id: kind.nodeType,
    node_type: kind.nodeType,
    title: kind.title,
    index: isOld ? index : 1,
    predecessor_node_id: isOld ? kind.follows : null,
  };
}

const parallels = {
  parallel_id: null,
  parallel_start_node_id: null,
  parent_parallel_id: null,
  parent_parallel_start_node_id: null,
  iteration_id: null,
};
const loops = { iteration_id: null, loop_id: null };

const sequence = (profile: Profile): EventFields => (profile === '0.15' ? { sequence_number: 1 } : {});
