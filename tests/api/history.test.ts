import type { Core } from '@strapi/strapi';

import createService from '../../src/api/history/services/history';
import { createHistoryAccess } from '../../src/history/reading/access';
import { ada, bob, users } from '../chat/support/fixtures';
import { createHistoryStoreInMemory } from '../history/support/history-store-in-memory';
import { createMemoryCharacters } from '../chat/support/memory-characters';

const store = createHistoryStoreInMemory();
const access = createHistoryAccess({
  store,
  characters: createMemoryCharacters([]),
  users,
  sessions: { findSessionId: async () => null },
  retentionDays: 0,
});

jest.mock('../../src/app', () => ({ historyOf: () => ({ access }) }));

const history = createService({ strapi: {} as Core.Strapi });
const conversation = {
  conversationId: 'conv_123456789',
  userId: ada.id,
  model: 'gpt-3.5-turbo',
  messages: [{ role: 'user', content: 'Hello, how are you?' }],
};

describe('the service of the history', () => {
  it('saves what other code has asked a model for, and gives it back', async () => {
    const { recordId } = await history.saveChatCompletion({
      ...conversation,
      recordId: 'once',
      createdAt: new Date(Date.now() - 1_000),
      response: {
        choices: [{ message: { role: 'assistant', content: 'Well, thank you.' }, finish_reason: 'stop' }],
        usage: { prompt_tokens: 15, completion_tokens: 25, total_tokens: 40 },
      },
    });
    await history.saveErrorConversation({
      ...conversation,
      errorCode: 400,
      errorMessage: 'Invalid request: content filter triggered',
    });
    expect(recordId).toBe('once');

    const { messages } = await history.getConversationMessages({
      conversationId: 'conv_123456789',
      limit: 50,
    });
    expect(messages.map(({ role, error }) => [role, error?.code])).toEqual([
      ['user', undefined],
      ['assistant', undefined],
      ['user', '400'],
    ]);
    const { conversations } = await history.getUserConversations({ userId: ada.id, limit: 20, offset: 0 });
    expect(conversations).toMatchObject([{ conversation_id: 'conv_123456789', records: 2, errors: 1 }]);
    const { totals, time_zone } = await history.getConversationStats({
      userId: ada.id,
      timeZone: 'Asia/Tokyo',
    });
    expect([totals.total_tokens, totals.records, time_zone]).toEqual([40, 2, 'Asia/Tokyo']);
  });

  it('keeps users apart, and deletes what is theirs', async () => {
    const theirs = { conversationId: 'conv_123456789', userId: bob.id };
    await expect(history.getConversationMessages(theirs)).rejects.toThrow('There is no such conversation');
    await expect(history.deleteUserConversation(theirs)).rejects.toThrow('There is no such conversation');
    await history.deleteUserConversation({ ...theirs, userId: ada.id });
    expect(store.records).toEqual([]);
  });
});
