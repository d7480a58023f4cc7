import { z } from 'zod';
import { requireChatApp, requireConversation, type Call } from './call';
import { invalidParam, notFound } from './errors';
import { limit, optionalUuid, parseFields } from './fields';
import { epochSeconds, findConversation, type Conversation, type State } from './state';
import type { HttpAnswer } from './wire';
import { titleOf } from './text';

const sortOrders = ['created_at', '-created_at', 'updated_at', '-updated_at'] as const;

const listQuery = z.object({
  last_id: optionalUuid,
  limit,
  sort_by: z.enum(sortOrders).default('-updated_at'),
});

/** GET /conversations. Returns pages of the user's conversations with this app. */
export function getConversations({ app, emulation, endUser, fields }: Call): HttpAnswer {
  requireChatApp(app);
  const { profile, state } = emulation;
  const query = parseFields(listQuery, fields, {
    profile,
    model: 'ConversationListQuery',
    from: 'query string',
  });
  const own = [...state.conversations.values()].filter((one) => one.endUser === endUser && !one.deleted);
  const sorted = sortBy(own, query.sort_by);
  const start = query.last_id === undefined ? 0 : sorted.findIndex(({ id }) => id === query.last_id) + 1;
  if (query.last_id !== undefined && start === 0) throw notFound('Last Conversation Not Exists.');
  const page = sorted.slice(start, start + query.limit);
  const has_more = sorted.length > start + query.limit;
  return {
    status: 200,
    json: { limit: query.limit, has_more, data: page.map((one) => conversationFields(one, state)) },
  };
}

/** DELETE /conversations/:id. A soft delete. 1.x replies without a body, also when there is no such conversation. */
export function deleteConversation(call: Call): HttpAnswer {
  const { emulation, endUser, pathId } = call;
  if (emulation.profile === '0.15') {
    requireConversation(call, pathId).deleted = true;
    return { status: 200, json: { result: 'success' } };
  }
  const conversation = findConversation(emulation.state, endUser, pathId);
  if (conversation) conversation.deleted = true;
  return { status: 204, headers: { 'Content-Type': 'application/json' } };
}

const renameBody = z.object({ name: z.string().nullish(), auto_generate: z.boolean().default(false) });

/** POST /conversations/:id/name */
export function renameConversation(call: Call): HttpAnswer {
  const { profile, state } = call.emulation;
  const given = parseFields(renameBody, call.fields, {
    profile,
    model: 'ConversationRenamePayload',
    from: 'JSON body',
  });
  const conversation = requireConversation(call, call.pathId);
  if (!given.auto_generate && !given.name?.trim())
    throw invalidParam('name is required when auto_generate is false');
  const first = [...state.messages.values()].find(({ conversationId }) => conversationId === conversation.id);
  conversation.name = given.auto_generate ? titleOf(first?.query ?? '') : (given.name ?? '');
  conversation.updatedAt = epochSeconds();
  return { status: 200, json: conversationFields(conversation, state) };
}

/** Sorts by time. Conversations of the same second keep the order of their creation. */
function sortBy(conversations: readonly Conversation[], order: (typeof sortOrders)[number]): Conversation[] {
  const timeOf = (one: Conversation): number =>
    order.endsWith('created_at') ? one.createdAt : one.updatedAt;
  const ascending = [...conversations].sort((a, b) => timeOf(a) - timeOf(b));
  return order.startsWith('-') ? ascending.reverse() : ascending;
}

function conversationFields(conversation: Conversation, { apps }: State): Record<string, unknown> {
  const { id, name, inputs, appKey, createdAt, updatedAt } = conversation;
  const introduction = apps.get(appKey)?.openingStatement ?? '';
  return { id, name, inputs, status: 'normal', introduction, created_at: createdAt, updated_at: updatedAt };
}
