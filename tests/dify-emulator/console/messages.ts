import { z } from 'zod';
import { composeSuggestions } from '../answer';
import { requireConversation, type Call } from '../call';
import { DifyError, notFound } from '../errors';
import { limit, optionalUuid, parseFields, uuidPattern } from '../fields';
import { messageFileFields } from '../files';
import { pageOf, thoughtFields } from '../messages';
import { findConversation, messagesOf, type Message } from '../state';
import type { HttpAnswer } from '../wire';
import { requireConsoleMode } from './chat-messages';

const listQuery = z.object({ conversation_id: z.string().regex(uuidPattern), first_id: optionalUuid, limit });

/** GET /console/api/apps/:app_id/chat-messages */
export function getConsoleMessages(call: Call): HttpAnswer {
  requireConsoleMode(call.app);
  const { profile, state } = call.emulation;
  const source = { profile, model: 'ChatMessagesQuery', from: 'query string' } as const;
  const query = parseFields(listQuery, call.fields, source);
  const all = messagesOf(state, requireConversation(call, query.conversation_id).id);
  const { page, has_more } = pageOf(all, query, 'First message not found');
  const data = page.map((message) => messageFields(message, call));
  return { status: 200, json: { limit: query.limit, has_more, data } };
}

const feedbackBody = z.object({
  message_id: z.string().regex(uuidPattern),
  rating: z.enum(['like', 'dislike']).nullish(),
});

/** POST /console/api/apps/:app_id/feedbacks */
export function postConsoleFeedback(call: Call): HttpAnswer {
  const { profile } = call.emulation;
  const source = { profile, model: 'MessageFeedbackPayload', from: 'JSON body' } as const;
  const given = parseFields(feedbackBody, call.fields, source);
  requireMessage(call, given.message_id).feedback = given.rating ?? null;
  return { status: 200, json: { result: 'success' } };
}

/** GET /console/api/apps/:app_id/chat-messages/:message_id/suggested-questions */
export function getConsoleSuggested(call: Call): HttpAnswer {
  const message = requireMessage(call, call.pathId);
  const [first] = messagesOf(call.emulation.state, message.conversationId);
  if (first?.console?.suggests !== true) {
    const sentence = 'Function Suggested questions after answer disabled.';
    throw new DifyError(403, 'app_suggested_questions_after_answer_disabled', sentence);
  }
  return { status: 200, json: { data: composeSuggestions(message.query) } };
}

/** DELETE /console/api/apps/:app_id/chat-conversations/:conversation_id */
export function deleteConsoleConversation(call: Call): HttpAnswer {
  requireConversation(call, call.pathId).deleted = true;
  return { status: 204, headers: { 'Content-Type': 'application/json' } };
}

function requireMessage({ emulation, endUser }: Call, id: string): Message {
  const message = emulation.state.messages.get(id);
  if (!message || !findConversation(emulation.state, endUser, message.conversationId))
    throw notFound('Message Not Exists.');
  return message;
}

function messageFields(message: Message, call: Call): Record<string, unknown> {
  const { emulation, endUser: owner } = call;
  const { profile } = emulation;
  const { usage, feedback, thoughts } = message;
  const rated = { rating: feedback, content: null, from_source: 'admin', from_end_user_id: null };
  return {
    id: message.id,
    conversation_id: message.conversationId,
    inputs: message.inputs,
    query: message.query,
    message: sentToModel(message),
    message_tokens: usage?.prompt_tokens ?? 0,
    answer: message.answer,
    answer_tokens: usage?.completion_tokens ?? 0,
    provider_response_latency: usage?.latency ?? 0,
    from_source: 'console',
    from_end_user_id: null,
    from_account_id: owner.id,
    feedbacks: feedback === null ? [] : [rated],
    workflow_run_id: null,
    annotation: null,
    annotation_hit_history: null,
    created_at: message.createdAt,
    agent_thoughts: thoughts.map((thought) => thoughtFields(thought, message, profile)),
    message_files: message.files.map((file) => messageFileFields(file, call)),
    metadata: profile === '0.15' ? {} : { annotation_reply: null, retriever_resources: [], usage: null },
    status: message.status,
    error: message.error,
    parent_message_id: message.console?.parentId ?? null,
  };
}

function sentToModel({ console: details, query }: Message): readonly unknown[] {
  const { prompt = '', earlier = [] } = details ?? {};
  const lines = [
    ['system', `${prompt}\n`],
    ...earlier.flatMap((one) => [
      ['user', one.query],
      ['assistant', one.answer],
    ]),
    ['user', query],
  ];
  return lines.map(([role, text]) => ({ role, text, files: [] }));
}
