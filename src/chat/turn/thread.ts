import { upstreamIdOf, type OtherThreads, type Session } from '../model/session';
import type { NewSession, Thread } from '../model/turn';
import type { NamedUpstream } from '../ports/upstreams';

/**
 * Returns where the upstream continues a session. Each upstream has its own conversation of it. So a session whose
 * character gets another upstream goes on there, and continues its old conversation if the character returns.
 */
export function toThread({ id, upstream, model }: NamedUpstream, session: Session | NewSession): Thread {
  const common = { upstreamId: id, model, otherThreads: withoutUpstream(threadsOf(session), id) };
  if (!upstream.keepsConversations)
    return { ...common, conversationId: session.sessionId, isRestarted: false };
  const conversationId = threadsOf(session)[id] ?? null;
  return { ...common, conversationId, isRestarted: conversationId === null && hasThread(session) };
}

/** Returns all conversations of a session, by the id of the upstream. An upstream that keeps none has the session's id. */
function threadsOf({ conversationId, upstreamId, otherThreads }: Session | NewSession): OtherThreads {
  return conversationId === null
    ? otherThreads
    : { ...otherThreads, [upstreamIdOf(upstreamId)]: conversationId };
}

function withoutUpstream(threads: OtherThreads, id: string): OtherThreads {
  return Object.fromEntries(Object.entries(threads).filter(([upstreamId]) => upstreamId !== id));
}

const hasThread = ({ conversationId, otherThreads }: Session | NewSession): boolean =>
  conversationId !== null || Object.keys(otherThreads).length > 0;
