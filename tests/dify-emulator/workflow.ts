import { randomUUID } from 'node:crypto';
import type { Turn, Workflow } from './events';
import type { EventFields, Profile } from './frames';
import { epochSeconds } from './state';
import type { Usage } from './usage';

type NodeKind = { readonly nodeId: string; readonly nodeType: string; readonly title: string };

export const startNode: NodeKind = { nodeId: 'start', nodeType: 'start', title: 'Start' };
export const llmNode: NodeKind = { nodeId: 'llm', nodeType: 'llm', title: 'Character' };
export const answerNode: NodeKind = { nodeId: 'answer', nodeType: 'answer', title: 'Answer' };

/** Creates a run of the chatflow. Its inputs are the system variables and those of the app. */
export function createWorkflow(turn: Turn): Workflow {
  const { message, conversation, app } = turn;
  return {
    runId: randomUUID(),
    id: randomUUID(),
    steps: 0,
    inputs: {
      ...message.inputs,
      'sys.query': message.query,
      'sys.files': [],
      'sys.conversation_id': conversation.id,
      'sys.user_id': conversation.endUser.name,
      'sys.dialogue_count': turn.earlier.length + 1,
      'sys.app_id': app.key,
    },
  };
}

export function workflowStartedFields({ runId, id, inputs }: Workflow, profile: Profile): EventFields {
  const data = { id: runId, workflow_id: id, ...sequence(profile), inputs, created_at: epochSeconds() };
  return { workflow_run_id: runId, data: profile === '1.x' ? { ...data, reason: 'initial' } : data };
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
  const ended = isStopped ? 'stopped' : 'succeeded';
  const data = {
    id: runId,
    workflow_id: id,
    ...sequence(turn.profile),
    status: error === undefined ? ended : 'failed',
    outputs: error === undefined ? { answer: text } : null,
    error: error ?? null,
    elapsed_time: usage.latency,
    total_tokens: usage.total_tokens,
    total_steps: steps,
    created_by: { id: endUser.id, user: endUser.name },
    created_at: turn.message.createdAt,
    finished_at: epochSeconds(),
    ...(turn.profile === '1.x' && { exceptions_count: 0 }),
    files: [],
  };
  return { workflow_run_id: runId, data };
}

export type NodeRun = {
  readonly kind: NodeKind;
  readonly id: string;
  readonly index: number;
  readonly inputs: unknown;
};

/** Service API clients receive the whole inputs and outputs of nodes, including prompts. */
export function nodeStartedFields({ runId }: Workflow, run: NodeRun): EventFields {
  return { workflow_run_id: runId, data: nodeData(run) };
}

export function nodeFinishedFields(
  { runId }: Workflow,
  run: NodeRun,
  result: { readonly processData?: unknown; readonly outputs: unknown; readonly usage?: Usage },
): EventFields {
  const { usage } = result;
  const data = {
    ...nodeData(run),
    process_data: result.processData ?? null,
    outputs: result.outputs,
    status: 'succeeded',
    error: null,
    elapsed_time: usage?.latency ?? 0,
    execution_metadata: usage
      ? { total_tokens: usage.total_tokens, total_price: usage.total_price, currency: usage.currency }
      : null,
    finished_at: epochSeconds(),
    files: [],
  };
  return { workflow_run_id: runId, data };
}

function nodeData({ kind, id, index, inputs }: NodeRun): EventFields {
  return {
    id,
    node_id: kind.nodeId,
    node_type: kind.nodeType,
    title: kind.title,
    index,
    predecessor_node_id: null,
    inputs,
    created_at: epochSeconds(),
    extras: {},
  };
}

const sequence = (profile: Profile): EventFields => (profile === '0.15' ? { sequence_number: 1 } : {});
