import type { Session } from '../../../src/chat/model/session';
import { toThread } from '../../../src/chat/turn/thread';
import { newSession } from '../support/fixtures';
import { silentUpstream } from '../support/one-upstream';

const named = (id: string, keepsConversations = true) => ({
  id,
  upstream: { ...silentUpstream, keepsConversations },
  model: null,
});

function session(changes: Partial<Session> = {}): Session {
  return {
    rowId: 1,
    sessionId: 'session-1',
    conversationId: 'c-dify',
    characterId: 'character-keeper',
    upstreamId: 'dify',
    otherThreads: {},
    ...changes,
  };
}

describe('toThread', () => {
  it('begins a conversation for a new session', () => {
    expect(toThread(named('dify'), newSession('session-1'))).toMatchObject({
      upstreamId: 'dify',
      conversationId: null,
      otherThreads: {},
      isRestarted: false,
    });
  });

  it('continues the conversation of the same upstream', () => {
    expect(toThread(named('dify'), session())).toMatchObject({
      conversationId: 'c-dify',
      isRestarted: false,
    });
  });

  it("takes a session without an upstream for one of Dify's Service API", () => {
    expect(toThread(named('dify'), session({ upstreamId: null })).conversationId).toBe('c-dify');
    expect(toThread(named('dify-console:app'), session({ upstreamId: null }))).toMatchObject({
      conversationId: null,
      otherThreads: { dify: 'c-dify' },
    });
  });

  it('restarts in another upstream, and keeps the conversation of the first one', () => {
    expect(toThread(named('dify-console:app'), session())).toMatchObject({
      conversationId: null,
      otherThreads: { dify: 'c-dify' },
      isRestarted: true,
    });
  });

  it('continues the earlier conversation of an upstream that answers again', () => {
    const elsewhere = session({
      upstreamId: 'dify-console:app',
      conversationId: 'c-console',
      otherThreads: { dify: 'c-dify' },
    });
    expect(toThread(named('dify'), elsewhere)).toMatchObject({
      conversationId: 'c-dify',
      otherThreads: { 'dify-console:app': 'c-console' },
      isRestarted: false,
    });
  });

  it('names the session itself where the upstream keeps no conversations, which never restart', () => {
    expect(toThread(named('openai', false), session())).toMatchObject({
      conversationId: 'session-1',
      otherThreads: { dify: 'c-dify' },
      isRestarted: false,
    });
  });

  it('restarts after an upstream that keeps no conversations', () => {
    const fromOpenAi = session({ upstreamId: 'openai', conversationId: 'session-1' });
    const thread = toThread(named('dify'), fromOpenAi);
    expect(thread).toMatchObject({
      conversationId: null,
      otherThreads: { openai: 'session-1' },
      isRestarted: true,
    });
    // The first turn there failed before the upstream named a conversation.
    const { upstreamId, otherThreads } = thread;
    const failed = session({ upstreamId, otherThreads, conversationId: null });
    expect(toThread(named('dify'), failed).isRestarted).toBe(true);
  });

  it('does not restart a session without a conversation', () => {
    const unanswered = session({ conversationId: null });
    expect(toThread(named('dify-console:app'), unanswered)).toMatchObject({
      conversationId: null,
      isRestarted: false,
    });
  });
});
