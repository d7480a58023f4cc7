import type { Core } from '@strapi/strapi';

import type { NewTurn, TurnStore } from '../chat';
import { inGroups } from './group-commit';
import { insertRows } from './insert-rows';
import { claimSession } from './session-claims';
import type { RunStatement } from './statements';

type Database = Core.Strapi['db'];

/** Questions and their pending answers, in the sessions they begin or claim. */
export function createTurnOpening(db: Database): TurnStore['open'] {
  return inGroups<NewTurn, void>(db, async (statement, turns) => {
    const sessions = await beginSessions(
      db,
      statement,
      turns.filter((turn): turn is TurnOfNewSession => turn.session.rowId === null),
    );
    for (const turn of turns) {
      const { rowId } = turn.session;
      if (rowId === null) continue;
      await claimSession(statement, turn, rowId, turn.createdAt);
      if (turn.supersedes !== null) await supersede(statement, turn, turn.supersedes, rowId);
    }
    const rowOf = (turn: NewTurn) => turn.session.rowId ?? sessions.get(turn.turnId) ?? 0;
    await insertRows(
      db,
      statement,
      'api::chat-conversation.chat-conversation',
      turns.flatMap((turn) => messageRows(turn, rowOf(turn))),
    );
    return turns.map(() => undefined);
  });
}

type TurnOfNewSession = NewTurn & { readonly session: Extract<NewTurn['session'], { rowId: null }> };

/** @returns their rows by the turns that begin them. */
async function beginSessions(
  db: Database,
  statement: RunStatement,
  turns: readonly TurnOfNewSession[],
): Promise<ReadonlyMap<string, number>> {
  if (turns.length === 0) return new Map();
  const ids = await insertRows(
    db,
    statement,
    'api::chat-session.chat-session',
    turns.map(({ session, owner, characterId, turnId, createdAt }) => ({
      session_id: session.sessionId,
      title: session.title,
      user_id: owner.id,
      ai_character_id: characterId,
      message_count: 2,
      last_message_at: createdAt,
      live_turn_id: turnId,
      created_at: createdAt,
      updated_at: createdAt,
    })),
  );
  return new Map(turns.map(({ turnId }, index) => [turnId, Number(ids[index])]));
}

/** Deleted lines too: one that is restored comes back where it was. */
async function supersede(
  statement: RunStatement,
  { owner }: NewTurn,
  since: number,
  sessionRowId: number,
): Promise<void> {
  await statement(
    'update chat_conversations set is_superseded = ? where session_id = ? and user_id = ? and id >= ?',
    [true, sessionRowId, owner.id, since],
  );
}

function messageRows(turn: NewTurn, sessionRowId: number) {
  const common = {
    query: turn.query,
    conversation_id: turn.session.conversationId,
    session_id: sessionRowId,
    turn_id: turn.turnId,
    ai_character_id: turn.characterId,
    user_id: turn.owner.id,
    created_at: turn.createdAt,
    updated_at: turn.createdAt,
  };
  const question = {
    ...common,
    role: 'user',
    message_id: turn.questionMessageId,
    parent_message_id: turn.regenerates,
    idempotency_key: turn.idempotency?.key ?? null,
    request_fingerprint: turn.idempotency?.fingerprint ?? null,
  };
  const answer = {
    ...common,
    role: 'assistant',
    message_id: turn.answerMessageId,
    answer: '',
    outcome: 'pending',
    parent_message_id: turn.questionMessageId,
  };
  return [question, answer];
}
