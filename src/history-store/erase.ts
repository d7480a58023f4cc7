import type { Erasure } from '../chat';
import { incoming, onConflict, type Binding, type Database } from './database';
import { dayOf } from './days';
import type { Layout } from './layout';
import { removeAll, type Removal } from './remove';
import { repairBeginnings } from './repair';
import { numberOf } from './rows';
import { lockState } from './schema';

/** See `HistoryStore.erase`. */
export async function erase(database: Database, layout: Layout, erasure: Erasure): Promise<number> {
  await remember(database, erasure);
  const { userId, conversationId } = erasure;
  const before = erasure.before.getTime();
  const ofConversation = conversationId === null ? '' : 'and conversation_id = ?';
  const keys: Binding[] = conversationId === null ? [userId] : [userId, conversationId];
  const [row] = await database.all(
    `select min(first_at) as first_at from history_conversations where user_id = ? ${ofConversation}`,
    keys,
  );
  // From the sums: whatever there is of a user is from then on, so the tables of the days before need no look.
  const firstAt = row?.['first_at'];
  if (firstAt === null || firstAt === undefined || numberOf(firstAt) >= before) return 0;
  const removal: Removal = {
    where: `user_id = ? ${ofConversation} and created_at >= ? and created_at < ?`,
    bindings: [...keys, numberOf(firstAt), before],
    order: ['conversation_id', 'created_at', 'record_id'],
  };
  const days = { first: dayOf(numberOf(firstAt)), last: dayOf(before - 1) };
  const removed = await removeAll({ database, layout }, days, removal);
  await repairBeginnings(database, layout, { before, userId, conversationId });
  return removed;
}

async function remember(database: Database, { userId, conversationId, before }: Erasure): Promise<void> {
  await database.transaction(async (statements) => {
    await lockState(statements);
    const given = incoming(statements.kind, 'erased_before');
    await statements.run(
      `insert into history_erasures (user_id, conversation_id, erased_before) values (?, ?, ?)
       ${onConflict(statements.kind, ['user_id', 'conversation_id'])}
       erased_before = case when ${given} > history_erasures.erased_before
                            then ${given} else history_erasures.erased_before end`,
      [userId, conversationId ?? '', before.getTime()],
    );
  });
}
