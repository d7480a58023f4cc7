import type { Core } from '@strapi/strapi';

import type { EarlierExchange, NewTurn, TurnOutcome } from '../../chat';
import { isSuperseded } from '../messages/rows';

type Database = Core.Strapi['db'];

/** An upstream takes some exchanges, so most turns need one page. */
const pageSize = 20;

interface ExchangeRow {
  readonly id: number;
  readonly query: string;
  readonly answer: string | null;
  readonly outcome: TurnOutcome | null;
  readonly message_id: string;
  readonly conversation_id: string | null;
}

/** See `TurnStore.readEarlier`. The answer's row has both texts; it is empty of a question that was deleted. */
export async function* readEarlier(
  db: Database,
  { session, turnId }: Pick<NewTurn, 'session' | 'turnId'>,
): AsyncGenerator<EarlierExchange, void> {
  if (session.rowId === null) return;
  for (let before: number | undefined; ;) {
    const rows = await selectPage(db, { sessionRowId: session.rowId, turnId, before });
    yield* rows.map(toExchange);
    before = rows.at(-1)?.id;
    if (rows.length < pageSize) return;
  }
}

interface Page {
  readonly sessionRowId: number;
  /** The turn that is asked now. It is left out. */
  readonly turnId: string;
  readonly before: number | undefined;
}

async function selectPage(
  db: Database,
  { sessionRowId, turnId, before }: Page,
): Promise<readonly ExchangeRow[]> {
  const answers = db.connection
    .from({ m: 'chat_conversations' })
    .where({ 'm.session_id': sessionRowId, 'm.role': 'assistant', 'm.is_deleted': false })
    .whereRaw(`${isSuperseded} = ?`, [false])
    .whereNotNull('m.turn_id')
    .whereNot('m.turn_id', turnId)
    .orderBy('m.id', 'desc')
    .limit(pageSize)
    .select('m.id', 'm.query', 'm.answer', 'm.outcome', 'm.message_id', 'm.conversation_id');
  if (before !== undefined) void answers.where('m.id', '<', before);
  return (await answers) as readonly ExchangeRow[];
}

function toExchange(row: ExchangeRow): EarlierExchange {
  return {
    question: row.query,
    answer: row.answer ?? '',
    outcome: row.outcome,
    messageId: row.message_id,
    conversationId: row.conversation_id,
  };
}

/** See `TurnStore.saveParent`. */
export async function saveParent(db: Database, turnId: string, parentId: string): Promise<void> {
  await db
    .connection('chat_conversations')
    .where({ turn_id: turnId, role: 'assistant' })
    .update({ upstream_parent_id: parentId });
}
