import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { keepDeclaredInputs, type App, type FormField, type Inputs } from '../apps';
import { requireConversation, type Call } from '../call';
import { playReply, takeSlot } from '../chat-messages';
import { DifyError, invalidParam } from '../errors';
import type { Turn } from '../events';
import { givenFiles, optionalUuid, parseFields } from '../fields';
import { readQuestionFiles } from '../files';
import type { Profile } from '../frames';
import { isRecord } from '../requests';
import { insertConversation, insertMessage, messagesOf, type Message } from '../state';

const chatRequest = z.object({
  query: z.string(),
  inputs: z.record(z.string(), z.unknown()),
  model_config: z.record(z.string(), z.unknown()),
  response_mode: z.enum(['blocking', 'streaming']).nullish(),
  conversation_id: optionalUuid,
  parent_message_id: optionalUuid,
  files: givenFiles,
});

type ChatRequest = z.infer<typeof chatRequest>;

/** POST /console/api/apps/:app_id/chat-messages. The configuration in the question replaces that of the app. */
export async function postConsoleMessage(call: Call): Promise<void> {
  const { app, emulation } = call;
  const { profile } = emulation;
  requireConsoleMode(app);
  const source = { profile, model: 'ChatMessagePayload', from: 'JSON body' } as const;
  const asked = parseFields(chatRequest, call.fields, source);
  const mode = asked.response_mode ?? (profile === '0.15' ? 'streaming' : 'blocking');
  const isBlocking = mode === 'blocking';
  call.res.once('close', takeSlot(call));
  if (isBlocking && app.mode === 'agent-chat')
    throw invalidParam('Agent Chat App does not support blocking mode');
  await playReply(call, { turn: await insertTurn(call, asked), isBlocking, autoName: false });
}

export function requireConsoleMode({ mode }: App): void {
  if (mode !== 'chat' && mode !== 'agent-chat')
    throw appNotFound("App mode is not in the supported list: {'chat', 'agent-chat'}");
}

export const appNotFound = (message: string): DifyError => new DifyError(404, 'app_not_found', message);

async function insertTurn(call: Call, asked: ChatRequest): Promise<Turn> {
  const { emulation, app, endUser } = call;
  const { state, profile } = emulation;
  if (asked.query === '') throw invalidParam('query is required');
  const known = asked.conversation_id ? requireConversation(call, asked.conversation_id) : undefined;
  const config = Object.keys(asked.model_config).length > 0 ? asked.model_config : undefined;
  if (config) requireModel(config, profile);
  const inputs = keepDeclaredInputs(config ? { ...app, form: formOf(config) } : app, asked.inputs);
  const prompt = fill(config ? textOf(config['pre_prompt']) : '{{prompt}}', inputs);
  const files = await readQuestionFiles(state, app, asked.files);
  const conversation = known ?? insertConversation(state, endUser, inputs);
  const parentId = asked.parent_message_id ?? null;
  const earlier = threadBefore(messagesOf(state, conversation.id), parentId);
  const suggests = config ? isEnabled(config['suggested_questions_after_answer']) : app.suggestsQuestions;
  const details = { prompt, parentId, earlier, suggests };
  const { query } = asked;
  const message = insertMessage(state, conversation, { query, inputs, files, console: details });
  return { app, profile, taskId: randomUUID(), conversation, message, earlier, startedAt: Date.now() };
}

/**
 * Returns the messages that the model gets before a new question, oldest first. Dify walks from the newest message to
 * the parents, and ends at the first message without a parent, even in another branch.
 */
function threadBefore(all: readonly Message[], parentId: string | null): readonly Message[] {
  const thread: Message[] = [];
  let next = parentId;
  for (const message of next === null ? [] : [...all].reverse()) {
    const parent = message.console?.parentId ?? null;
    if (parent !== null && message.id !== next) continue;
    thread.unshift(message);
    if (parent === null) break;
    next = parent;
  }
  return thread;
}

/** The models that a workspace has. The first provider has credentials. */
const providers: Record<Profile, readonly string[]> = {
  '0.15': ['openai_api_compatible', 'openai'],
  '1.x': ['langgenius/openai_api_compatible/openai_api_compatible'],
};
const modelNames = ['fake', 'fake-large'];

/** The provider and the model of each app. */
export const modelOf = (profile: Profile): Readonly<Record<string, unknown>> => ({
  provider: providers[profile][0],
  name: modelNames[0],
  mode: 'chat',
  completion_params: { stop: [] },
});

/** The models that the account may use, by provider. */
export const modelsOf = (profile: Profile) =>
  providers[profile].map((provider) => ({ provider, models: modelNames.map((model) => ({ model })) }));

function requireModel(config: Inputs, profile: Profile): void {
  const { model } = config;
  if (!isRecord(model)) throw invalidParam('model is required');
  const [provider, name] = [textOf(model['provider']), textOf(model['name'])];
  if (!providers[profile].includes(provider)) {
    const known = providers[profile].map((one) => `'${one}'`).join(', ');
    throw invalidParam(`model.provider is required and must be in [${known}]`);
  }
  if (provider !== providers[profile][0])
    throw new DifyError(400, 'provider_not_initialize', `Model ${name} credentials is not initialized.`);
  if (!modelNames.includes(name)) throw invalidParam('model.name must be in the specified model list');
}

/** Reads e.g. `[{"paragraph": {"variable": "prompt", "required": true}}]`. */
function formOf(config: Inputs): readonly FormField[] {
  const form = Array.isArray(config['user_input_form']) ? (config['user_input_form'] as unknown[]) : [];
  return form.filter(isRecord).flatMap((entry) =>
    Object.entries(entry).map(([type, field]) => {
      const { variable, required } = isRecord(field) ? field : {};
      return { type, variable: textOf(variable), required: required === true } as FormField;
    }),
  );
}

function fill(prompt: string, inputs: Inputs): string {
  return prompt.replaceAll(/\{\{(\w+)\}\}/gu, (place, name: string) =>
    name in inputs ? textOf(inputs[name]) : place,
  );
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');
const isEnabled = (value: unknown): boolean => isRecord(value) && value['enabled'] === true;
