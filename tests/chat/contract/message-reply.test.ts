import { toMessageReply } from '../../../src/chat/contract/message-reply';
import { ada, keeper, message } from '../support/fixtures';

const context = { owner: ada, characters: new Map([[keeper.documentId, keeper]]), exposePrompt: true };

describe('toMessageReply', () => {
  it('shows a message as the HTTP contract has it', () => {
    expect(toMessageReply(message(), context)).toEqual({
      id: 1,
      documentId: 'message-1',
      message_id: 'msg-1',
      role: 'assistant',
      query: 'How is the sea?',
      answer: 'Calm.',
      conversation_id: 'dify-conversation',
      session_id: 'session-1',
      turn_id: 'turn-1',
      message_status: 'sent',
      outcome: 'completed',
      error_code: null,
      tool_calls: null,
      usage: { total_tokens: 50, currency: 'USD' },
      feedback: null,
      parent_message_id: 'msg-0',
      is_superseded: false,
      ai_character: {
        id: 12,
        documentId: 'character-keeper',
        name: 'The keeper',
        prompt: 'You are Ada, a lighthouse keeper.',
        introduce: 'Keeps the light.',
        opening_statement: 'Come in, it is wet outside.',
        suggested_questions: ['How is the sea?'],
      },
      user: { id: 1, documentId: 'doc-ada', username: 'ada', email: 'ada@example.org' },
      createdAt: '2026-01-02T03:04:05.678Z',
      updatedAt: '2026-01-02T03:04:06.789Z',
    });
  });

  it('has no prompt, not even an empty one, when that is not to be shown', () => {
    const reply = toMessageReply(message(), { ...context, exposePrompt: false });
    expect(reply.ai_character).not.toHaveProperty('prompt');
    expect(reply.ai_character).toMatchObject({ name: 'The keeper' });
  });

  it('shows of a user nothing but what the contract names', () => {
    const owner = { ...ada, password: 'hash', resetPasswordToken: 'token' };
    expect(toMessageReply(message(), { ...context, owner }).user).toEqual(ada);
  });

  it('shows no character where it is deleted or unknown', () => {
    expect(toMessageReply(message({ characterId: null }), context).ai_character).toBeNull();
    expect(toMessageReply(message({ characterId: 'character-deleted' }), context).ai_character).toBeNull();
  });

  it('shows the ids of a character that is not published', () => {
    const characters = new Map([[keeper.documentId, { ...keeper, name: null, prompt: null }]]);
    expect(toMessageReply(message(), { ...context, characters }).ai_character).toMatchObject({
      id: keeper.id,
      documentId: keeper.documentId,
      name: null,
    });
  });
});
