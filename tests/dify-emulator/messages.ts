import { z } from 'zod';
import { composeSuggestions } from './answer';
import { requireChatApp, requireConversation, type Call } from './call';
import { DifyError, invalidParam, notFound } from './errors';
import { limit, optionalUuid, parseFields, uuidPattern } from './fields';
import { messageFileFields } from './files';
import type { Profile } from './frames';
import { findConversation, messagesOf, type Message, type Thought } from './state';
import type { HttpAnswer } from './wire';

const listQuery = z.object({ conversation_id: z.string().regex(uuidPattern), first_id: optionalUuid, limit });

/** GET /messages. Returns pages back in time from the newest one, and the oldest message first within a page. */
export function getMessages(call: Call): HttpAnswer {
  requireChatApp(call.app);
  const { profile, state } = call.emulation;
  const query = parseFields(listQuery, call.fields, {
    profile,
    model: 'MessageListQuery',
    from: 'query string',
  });
  const all = messagesOf(state, requireConversation(call, query.conversation_id).id);
  const { page, has_more } = pageOf(all, query, 'First Message Not Exists.');
  const data = page.map((message) => messageFields(message, call));
  return { status: 200, json: { limit: query.limit, has_more, data } };
}

/** Returns the messages before `first_id`, or the newest ones, oldest first. */
export function pageOf(
  all: readonly Message[],
  query: { readonly first_id?: string | undefined; readonly limit: number },
  unknownFirst: string,
): { readonly page: readonly Message[]; readonly has_more: boolean } {
  const end = query.first_id === undefined ? all.length : all.findIndex(({ id }) => id === query.first_id);
  if (end === -1) throw notFound(unknownFirst);
  const start = Math.max(0, end - query.limit);
  return { page: all.slice(start, end), has_more: start > 0 };
}

const feedbackBody = z.object({
  rating: z.enum(['like', 'dislike']).nullish(),
  content: z.string().nullish(),
});

/** POST /messages/:id/feedbacks. `rating: null` removes the feedback. */
export function postFeedback(call: Call): HttpAnswer {
  const { profile } = call.emulation;
  const given = parseFields(feedbackBody, call.fields, {
    profile,
    model: 'FeedbackPayload',
    from: 'JSON body',
  });
  const message = requireMessage(call);
  const rating = given.rating ?? null;
  if (rating === null && message.feedback === null) {
    throw invalidParam('rating cannot be None when feedback not exists');
  }
  message.feedback = rating;
  return { status: 200, json: { result: 'success' } };
}

/** GET /messages/:id/suggested */
export function getSuggested(call: Call): HttpAnswer {
  requireChatApp(call.app);
  const message = requireMessage(call);
  if (!call.app.suggestsQuestions)
    throw new DifyError(400, 'bad_request', 'Suggested Questions Is Disabled.');
  return { status: 200, json: { result: 'success', data: composeSuggestions(message.query) } };
}

function requireMessage({ emulation, endUser, pathId }: Call): Message {
  const message = emulation.state.messages.get(pathId);
  if (!message || !findConversation(emulation.state, endUser, message.conversationId)) {
    throw notFound('Message Not Exists.');
  }
  return message;
}

/** Messages of the API have no parent, which Dify writes as an all-zero UUID. */
function messageFields(message: Message, call: Call): Record<string, unknown> {
  const { profile } = call.emulation;
  const { id, conversationId, inputs, query, answer, feedback, thoughts, createdAt, status, error } = message;
  const files = { message_files: message.files.map((file) => messageFileFields(file, call)) };
  const agent_thoughts = thoughts.map((thought) => thoughtFields(thought, message, profile));
  return {
    id,
    conversation_id: conversationId,
    parent_message_id: '00000000-0000-0000-0000-000000000000',
    inputs,
    query,
    answer,
    ...(profile === '0.15' && files),
    feedback: feedback && { rating: feedback },
    retriever_resources: [],
    created_at: createdAt,
    agent_thoughts,
    ...(profile === '1.x' && files),
    status,
    error,
  };
}

/** 0.15 lists one empty file for a thought without files. */
export function thoughtFields(thought: Thought, message: Message, profile: Profile): Record<string, unknown> {
  const { id, position, thought: text, tool, tool_labels, tool_input, observation } = thought;
  const call = { position, thought: text, tool, tool_labels, tool_input };
  const fields = {
    id,
    chain_id: null,
    message_id: message.id,
    ...call,
    created_at: message.createdAt,
    observation,
  };
  return profile === '0.15' ? { ...fields, message_files: [emptyFile] } : { ...fields, files: [] };
}

const emptyFile = {
  id: null,
  filename: null,
  type: null,
  url: null,
  mime_type: null,
  size: 0,
  transfer_method: null,
  belongs_to: 'user',
};
