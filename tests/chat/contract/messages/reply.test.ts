import { toMessageReply } from '../../../../src/chat/contract/messages/reply';
import { ada, keeper, links, message } from '../../support/fixtures';

const context = { owner: ada, characters: new Map([[keeper.documentId, keeper]]), exposePrompt: true, links };

describe('toMessageReply', () => {
  it('returns a message in the shape of the HTTP contract', () => {
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
      files: [],
      usage: { total_tokens: 50, currency: 'USD' },
      feedback: null,
      parent_message_id: 'msg-0',
      is_superseded: false,
      thread_restarted: false,
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

  it('shows the files of a question as they were sent, and those of an answer with a link', () => {
    const files = [{ type: 'image', transfer_method: 'local_file', upload_file_id: 'file-1' }] as const;
    const answerFiles = [{ id: 'file-2', type: 'image', url: 'http://dify.internal/sea.png' }];
    expect(toMessageReply(message({ role: 'user', files }), context).files).toEqual(files);
    expect(toMessageReply(message({ answerFiles }), context).files).toEqual([
      { id: 'file-2', type: 'image', belongs_to: 'assistant', url: '/link/msg-1/file-2' },
    ]);
  });

  it('omits the key of the prompt if exposePrompt is false', () => {
    const reply = toMessageReply(message(), { ...context, exposePrompt: false });
    expect(reply.ai_character).not.toHaveProperty('prompt');
    expect(reply.ai_character).toMatchObject({ name: 'The keeper' });
  });

  it('shows only the user fields of the contract', () => {
    const owner = { ...ada, password: 'hash', resetPasswordToken: 'token' };
    expect(toMessageReply(message(), { ...context, owner }).user).toEqual(ada);
  });

  it('shows null for a deleted or unknown character', () => {
    expect(toMessageReply(message({ characterId: null }), context).ai_character).toBeNull();
    expect(toMessageReply(message({ characterId: 'character-deleted' }), context).ai_character).toBeNull();
  });

  it('shows the ids of an unpublished character', () => {
    const characters = new Map([[keeper.documentId, { ...keeper, name: null, prompt: null }]]);
    expect(toMessageReply(message(), { ...context, characters }).ai_character).toMatchObject({
      id: keeper.id,
      documentId: keeper.documentId,
      name: null,
    });
  });
});
