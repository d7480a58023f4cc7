import type { Core } from '@strapi/strapi';

import { ownIdPrefix, type Exchange, type NewTurn } from '../../chat';
import { isSuperseded } from '../messages/rows';

type Database = Core.Strapi['db'];

/** An upstream takes some exchanges, so most turns need one page. An answer can have megabytes. */
const pageSize = 10;

interface ExchangeRow {
  readonly id: number;
  readonly query: string;
  readonly answer: string | null;
}

/** See `TurnStore.readEarlier`. The answer's row has both texts; it is empty of a question that was deleted. */
export async function* readEarlier(
  db: Database,
  { session, turnId }: Pick<NewTurn, 'session' | 'turnId'>,
): AsyncGenerator<Exchange, void> {
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
    .whereNot('m.turn_id', turnId)
    .whereNot('m.query', '')
    .whereNot('m.answer', '')
    .orderBy('m.id', 'desc')
    .limit(pageSize)
    .select('m.id', 'm.query', 'm.answer');
  if (before !== undefined) void answers.where('m.id', '<', before);
  return (await answers) as readonly ExchangeRow[];
}

const toExchange = ({ query, answer }: ExchangeRow): Exchange => ({ question: query, answer: answer ?? '' });

/** See `TurnStore.saveParent`. */
export async function saveParent(
  { connection }: Database,
  { session, turnId }: Pick<NewTurn, 'session' | 'turnId'>,
  conversationId: string | null,
): Promise<string | null> {
  const parent = connection
    .from({ m: 'chat_conversations' })
    .where({ 'm.session_id': session.rowId, 'm.role': 'assistant' })
    // No message equals null.
    .whereRaw('m.conversation_id = ?', [conversationId])
    .whereRaw(`${isSuperseded} = ?`, [false])
    .whereNot('m.turn_id', turnId)
    .whereIn('m.outcome', ['completed', 'stopped'])
    .whereNot('m.message_id', 'like', `${ownIdPrefix}%`)
    .orderBy('m.id', 'desc')
    .limit(1)
    .select('m.message_id');
  const [row] = (await connection('chat_conversations')
    .where({ turn_id: turnId, role: 'assistant' })
    .update({ upstream_parent_id: parent }, ['upstream_parent_id'])) as ParentRow[];
  return row?.upstream_parent_id ?? null;
}

interface ParentRow {
  readonly upstream_parent_id: string | null;
}
