import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { composeAnswer } from './answer';
import { keepDeclaredInputs, type App, type Inputs } from './apps';
import { requireChatApp, requireConversation, type Call } from './call';
import { createReply } from './create-reply';
import { invalidParam, type DifyError } from './errors';
import { promptOf, type Turn } from './events';
import { withoutFault } from './faults';
import { givenFiles, optionalUuid, parseFields } from './fields';
import { readQuestionFiles } from './files';
import type { Profile } from './frames';
import type { Reply } from './reply';
import { insertConversation, insertMessage, messagesOf, type Conversation } from './state';
import { titleOf, toDeltas } from './text';
import { createWire, type HttpAnswer } from './wire';

const chatRequest = z.object({
  query: z.string(),
  inputs: z.record(z.string(), z.unknown()),
  response_mode: z.enum(['blocking', 'streaming']).nullish(),
  conversation_id: optionalUuid,
  auto_generate_name: z.boolean().default(true),
  files: givenFiles,
});

type ChatRequest = z.infer<typeof chatRequest>;

/** POST /chat-messages. Checks what Dify checks before a stream, inserts the rows, and plays the reply. */
export async function postChatMessage(call: Call): Promise<void> {
  const { emulation, app } = call;
  requireChatApp(app);
  const asked = parseFields(chatRequest, withQueryText(call), {
    profile: emulation.profile,
    model: 'ChatRequestPayload',
    from: 'JSON body',
  });
  const isBlocking = asked.response_mode !== 'streaming';
  const release = takeSlot(call);
  call.res.once('close', release);
  if (isBlocking && app.mode === 'agent-chat') {
    throw invalidParam('Agent Chat App does not support blocking mode');
  }
  const turn = await insertTurn(call, asked);
  await playReply(call, { turn, isBlocking, autoName: asked.auto_generate_name });
}

/** 0.15 takes a number as a question. */
function withQueryText({ emulation, fields }: Call): Call['fields'] {
  const { query } = fields;
  return emulation.profile === '0.15' && typeof query === 'number'
    ? { ...fields, query: String(query) }
    : fields;
}

/** POST /chat-messages/:task_id/stop. Always succeeds, but only stops a running reply of the same user. */
export function postStop({ emulation, endUser, pathId }: Call): HttpAnswer {
  const task = emulation.state.tasks.get(pathId);
  if (task?.endUser === endUser) setTimeout(task.stop, emulation.stopDelayMs).unref();
  return { status: 200, json: { result: 'success' } };
}

export function takeSlot({ emulation, app }: Call): () => void {
  const { active } = emulation.state;
  const count = active.get(app.key) ?? 0;
  if (app.maxActiveRequests > 0 && count >= app.maxActiveRequests) {
    throw tooManyRequests(app, emulation.profile);
  }
  active.set(app.key, count + 1);
  return () => void active.set(app.key, (active.get(app.key) ?? 1) - 1);
}

/** Dify's handler of value errors catches this error first. */
function tooManyRequests({ id, maxActiveRequests }: App, profile: Profile): DifyError {
  const whose = profile === '0.15' ? '' : ` for ${id}`;
  return invalidParam(
    'Too many requests. Please try again later. ' +
      `The current maximum concurrent requests allowed${whose} is ${maxActiveRequests}.`,
  );
}

async function insertTurn(call: Call, asked: ChatRequest): Promise<Turn> {
  const { emulation, app, endUser } = call;
  const { state } = emulation;
  if (asked.query === '') throw invalidParam('query is required');
  const query = asked.query.replaceAll('\u0000', '');
  const known = asked.conversation_id ? requireConversation(call, asked.conversation_id) : undefined;
  const inputs = inputsOf(call, asked, known);
  const files = await readQuestionFiles(state, app, asked.files);
  const conversation = known ?? insertConversation(state, endUser, inputs);
  const earlier = messagesOf(state, conversation.id);
  const message = insertMessage(state, conversation, { query, inputs, files });
  const { profile } = emulation;
  return { app, profile, taskId: randomUUID(), conversation, message, earlier, startedAt: Date.now() };
}

/** 0.15 keeps the inputs of the conversation, whatever a later question sends. */
function inputsOf(
  { app, emulation }: Call,
  { inputs }: ChatRequest,
  known: Conversation | undefined,
): Inputs {
  return known && emulation.profile === '0.15' ? known.inputs : keepDeclaredInputs(app, inputs);
}

/** Plays the reply of a question whose rows exist. */
export async function playReply(
  call: Call,
  { turn, isBlocking, autoName }: { turn: Turn; isBlocking: boolean; autoName: boolean },
): Promise<void> {
  const { emulation } = call;
  const { tasks } = emulation.state;
  const text = composeAnswer({
    prompt: promptOf(turn),
    query: withoutFault(turn.message.query),
    earlier: turn.earlier.map(({ query }) => withoutFault(query)),
  });
  const reply: Reply = createReply({
    turn,
    request: call.request,
    emulation,
    wire: createWire(call.res, emulation.profile),
    deltas: toDeltas(text),
    blocking: isBlocking,
    detached: emulation.detached,
    tokenIntervalMs: emulation.tokenIntervalMs,
    pingEveryMs: emulation.pingEveryMs,
    shutdown: emulation.shutdown,
    beforeClose: (pause) => nameConversation(turn, { autoName, afterMs: emulation.titleDelayMs, pause }),
  });
  tasks.set(turn.taskId, {
    id: turn.taskId,
    endUser: turn.conversation.endUser,
    stop: () => void reply.stop(),
  });
  try {
    await call.behaviour?.play?.(reply);
    await reply.closed;
  } finally {
    tasks.delete(turn.taskId);
  }
}

/**
 * Names a new conversation after its first question. Dify does this in a background job. 0.15 waits for the job before
 * it closes the response; 1.x does not.
 */
async function nameConversation(
  { conversation, message, earlier, profile }: Turn,
  { autoName, afterMs, pause }: { autoName: boolean; afterMs: number; pause: (ms: number) => Promise<void> },
): Promise<void> {
  if (earlier.length > 0 || !autoName) return;
  const name = (): void => void (conversation.name = titleOf(message.query));
  if (profile === '0.15') await pause(afterMs).then(name);
  else setTimeout(name, afterMs).unref();
}
