import type { Erasure } from '../../model/store';
import type { Binding, Database, Statements } from '../database';
import { keyOf, saveErasure } from './erasures';
import type { Layout } from '../layout/layout';
import { removeAll } from './remove';
import { repairConversations } from './repair';
import { numberOf } from '../rows';
import { lockState } from '../schema';

/** See `HistoryStore.erase`. */
export async function erase(database: Database, layout: Layout, erasure: Erasure): Promise<number> {
  await database.transaction(async (statements) => {
    await lockState(statements);
    await saveErasure(statements, erasure);
    if ('userDocumentId' in erasure)
      await forgetFormer(statements, erasure.userDocumentId, erasure.conversationId);
  });
  return 'userDocumentId' in erasure
    ? eraseOwned(database, layout, erasure)
    : eraseOf(database, layout, erasure, { first: '', firstAt: Number.MIN_SAFE_INTEGER });
}

/** Deletes the numbers by which older versions knew the user: nothing needs them any more. */
async function forgetFormer(
  statements: Statements,
  userDocumentId: string,
  conversationId: string | null,
): Promise<void> {
  const ofConversation = conversationId === null ? '' : 'and conversation_id = ?';
  await statements.run(`delete from history_former_users where user_document_id = ? ${ofConversation}`, [
    userDocumentId,
    ...(conversationId === null ? [] : [conversationId]),
  ]);
}

async function eraseOwned(
  database: Database,
  layout: Layout,
  erasure: Extract<Erasure, { userDocumentId: string }>,
): Promise<number> {
  const { userDocumentId, conversationId } = erasure;
  const before = erasure.before.getTime();
  const ofConversation = conversationId === null ? '' : 'and conversation_id = ?';
  const [row] = await database.all(
    `select min(first_at) as first_at from history_conversations where user_document_id = ? ${ofConversation}`,
    conversationId === null ? [userDocumentId] : [userDocumentId, conversationId],
  );
  // The sums know the time of the user's first record, so tables of earlier days need no search.
  const firstAt = row?.['first_at'];
  if (firstAt === null || firstAt === undefined || numberOf(firstAt) >= before) return 0;
  const removed = await eraseOf(database, layout, erasure, {
    first: layout.days.of(numberOf(firstAt)),
    firstAt: numberOf(firstAt),
  });
  await repairConversations(database, layout, { before, userDocumentId, conversationId });
  return removed;
}

/** Erases records. A record with only a number has an empty documentId after the search for its user. */
async function eraseOf(
  database: Database,
  layout: Layout,
  erasure: Erasure,
  { first, firstAt }: { readonly first: string; readonly firstAt: number },
): Promise<number> {
  const [userDocumentId, formerUserId] = keyOf(erasure);
  const before = erasure.before.getTime();
  const conditions = ['user_document_id = ?'];
  const bindings: Binding[] = [userDocumentId];
  if (userDocumentId === '') {
    conditions.push('user_id = ?');
    bindings.push(formerUserId);
  }
  if (erasure.conversationId !== null) {
    conditions.push('conversation_id = ?');
    bindings.push(erasure.conversationId);
  }
  return removeAll(
    { database, layout },
    { first, last: layout.days.of(before - 1) },
    {
      where: `${conditions.join(' and ')} and created_at >= ? and created_at < ?`,
      bindings: [...bindings, firstAt, before],
      order: ['conversation_id', 'created_at', 'record_id'],
    },
  );
}
