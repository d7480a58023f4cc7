import type { App } from './apps';
import { pythonJson, type EventFields, type Profile } from './frames';
import type { Conversation, Message, Thought } from './state';
import { computeUsage, type Usage } from './usage';
import type { HttpAnswer } from './wire';

/** One question and its answer. Its rows exist before the first byte is sent. */
export type Turn = {
  readonly app: App;
  readonly profile: Profile;
  readonly taskId: string;
  readonly conversation: Conversation;
  readonly message: Message;
  /** Earlier messages of the conversation, oldest first. */
  readonly earlier: readonly Message[];
  readonly startedAt: number;
  /** Set while a chatflow runs. */
  workflow?: Workflow;
};

export type Workflow = {
  readonly runId: string;
  readonly id: string;
  steps: number;
};

/** Returns an event with the fields of every event, in Dify's order. `fields` overrides them. */
export function inEnvelope(turn: Turn, event: string, fields: EventFields): EventFields {
  return {
    event,
    conversation_id: turn.conversation.id,
    message_id: turn.message.id,
    created_at: turn.message.createdAt,
    ...(event !== 'error' && { task_id: turn.taskId }),
    ...fields,
  };
}

/** Returns the event with text. Its name depends on the mode of the app, and in 1.x on the files of the message. */
export function textFields(turn: Turn, text: string): EventFields & { readonly event: string } {
  const { id, files } = turn.message;
  if (turn.app.mode === 'agent-chat' || turn.app.mode === 'agent')
    return { event: 'agent_message', id, answer: text };
  const from_variable_selector = turn.app.mode === 'advanced-chat' ? ['llm', 'text'] : null;
  const event = turn.profile === '1.x' && files.length > 0 ? 'message_file' : 'message';
  return { event, id, answer: text, from_variable_selector };
}

export function thoughtFields(thought: Partial<Thought> & Pick<Thought, 'id' | 'position'>): EventFields {
  const { id, position, ...rest } = thought;
  const empty = {
    thought: '',
    observation: '',
    tool: '',
    tool_labels: {},
    tool_input: '',
    message_files: [],
  };
  return { id, position, ...empty, ...rest };
}

/** Returns `metadata` of `message_end` and of the blocking answer. 1.x always has three keys, 0.15 only one. */
export function metadataFields(turn: Turn, usage: Usage): EventFields {
  if (turn.profile === '0.15') return { usage };
  return { annotation_reply: null, retriever_resources: [], usage: usageFields(turn, usage) };
}

export function messageEndFields(turn: Turn, usage: Usage): EventFields {
  const metadata = metadataFields(turn, usage);
  return { id: turn.message.id, metadata, files: turn.app.mode === 'advanced-chat' ? [] : null };
}

/** Returns the whole reply to a blocking question. */
export function blockingAnswer(turn: Turn): HttpAnswer {
  const { app, taskId, message } = turn;
  const json = pythonJson({
    event: 'message',
    task_id: taskId,
    id: message.id,
    message_id: message.id,
    conversation_id: message.conversationId,
    mode: app.mode,
    answer: message.answer,
    metadata: metadataFields(turn, message.usage ?? usageOf(turn, message.answer)),
    created_at: message.createdAt,
  });
  const type = turn.profile === '0.15' ? 'application/json' : 'application/json; charset=utf-8';
  return { status: 200, headers: { 'Content-Type': type }, body: json };
}

export function usageOf(turn: Turn, answer: string, given: Partial<Usage> = {}): Usage {
  const history = turn.earlier.flatMap(({ query, answer: said }) => [query, said]);
  const prompt = [promptOf(turn), ...history, turn.message.query].join('\n');
  return { ...computeUsage({ prompt, answer, latencyMs: Date.now() - turn.startedAt }), ...given };
}

/** Returns the usage with the two times that 1.x adds. Only a chatflow measures them. */
export function usageFields({ profile, workflow }: Turn, usage: Usage): EventFields {
  if (profile === '0.15') return usage;
  const seconds = workflow && usage.completion_tokens > 0 ? usage.latency : null;
  return { ...usage, time_to_first_token: seconds, time_to_generate: seconds };
}

/** Returns the character prompt, or an empty string if the message has none. */
export function promptOf({ message }: Turn): string {
  const { prompt } = message.console ?? message.inputs;
  return typeof prompt === 'string' ? prompt : '';
}
