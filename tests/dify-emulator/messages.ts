import { z } from 'zod';
import { composeSuggestions } from './answer';
import { requireChatApp, requireConversation, type Call } from './call';
import { DifyError, invalidParam, notFound } from './errors';
import type { Profile } from './frames';
import { limit, optionalUuid, parseFields, uuidPattern } from './fields';
import { findConversation, messagesOf, type Message } from './state';
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
  const end = query.first_id === undefined ? all.length : all.findIndex(({ id }) => id === query.first_id);
  if (end === -1) throw notFound('First Message Not Exists.');
  const start = Math.max(0, end - query.limit);
  const data = all.slice(start, end).map((message) => messageFields(message, profile));
  return { status: 200, json: { limit: query.limit, has_more: start > 0, data } };
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

/** Messages of the API have no parent. 1.x returns an all-zero UUID for it. */
function messageFields(message: Message, profile: Profile): Record<string, unknown> {
  const { id, conversationId, inputs, query, answer, feedback, thoughts, createdAt, status, error } = message;
  const parent_message_id = profile === '0.15' ? null : '00000000-0000-0000-0000-000000000000';
  const files = profile === '0.15' ? 'message_files' : 'files';
  const agent_thoughts = thoughts.map((thought) => ({
    ...thought,
    chain_id: null,
    message_id: id,
    created_at: createdAt,
    [files]: [],
  }));
  return {
    id,
    conversation_id: conversationId,
    parent_message_id,
    inputs,
    query,
    answer,
    message_files: [],
    feedback: feedback && { rating: feedback },
    retriever_resources: [],
    agent_thoughts,
    created_at: createdAt,
    status,
    error,
  };
}
