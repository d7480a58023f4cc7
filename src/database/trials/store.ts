import type { Core } from '@strapi/strapi';

import {
  toStorableJson,
  toStorableText,
  type EndedConversation,
  type FinishedTrial,
  type TrialStore,
} from '../../chat';
import { trialTable } from './tables';

type Database = Core.Strapi['db'];

/** Questions that one statement reads. Answers can be long. */
const exchangesAtOnce = 10;
const maxDetailChars = 2_000;
const threadsAtOnce = 500;

export function createTrialStore(db: Database): TrialStore {
  const rows = () => db.connection(trialTable);
  const endThreads = (threads: readonly string[]) => endThreadsOf(db, threads);
  return {
    save: async (trial) => void (await rows().insert(toColumns(trial))),
    async findPlace(thread) {
      const newest = (await rows()
        .where({ thread })
        .whereNotNull('upstream')
        .orderBy('id', 'desc')
        .first('upstream', 'conversation_id')) as PlaceRow | undefined;
      if (newest === undefined) return null;
      const { upstream } = newest;
      const newestOf = (column: string) =>
        rows().where({ thread, upstream }).whereNotNull(column).orderBy('id', 'desc');
      const conversation = (await newestOf('conversation_id').first('conversation_id')) as
        Pick<PlaceRow, 'conversation_id'> | undefined;
      const answered = (await newestOf('upstream_message_id')
        .whereNot('answer', '')
        .first('upstream_message_id')) as { readonly upstream_message_id: string } | undefined;
      return {
        upstreamId: upstream,
        conversationId: conversation?.conversation_id ?? null,
        messageId: answered?.upstream_message_id ?? null,
      };
    },
    async *readEarlier(thread) {
      for (let before: number | undefined; ;) {
        const page = (await rows()
          .where({ thread })
          .whereNot('answer', '')
          .modify((older) => before !== undefined && void older.where('id', '<', before))
          .orderBy('id', 'desc')
          .limit(exchangesAtOnce)
          .select('id', 'query', 'answer')) as ExchangeRow[];
        for (const { query, answer } of page) yield { question: query, answer };
        if (page.length < exchangesAtOnce) return;
        before = page.at(-1)?.id;
      }
    },
    endThread: (thread) => endThreads([thread]),
    async endIdle(since) {
      const ended: EndedConversation[] = [];
      for (let count = threadsAtOnce; count === threadsAtOnce;) {
        const idle = (await rows()
          .whereNotNull('thread')
          .groupBy('thread')
          .havingRaw('max(at) < ?', [since.getTime()])
          .limit(threadsAtOnce)
          .select('thread')) as { readonly thread: string }[];
        ended.push(...(await endThreads(idle.map(({ thread }) => thread))));
        count = idle.length;
      }
      return ended;
    },
  };
}

interface PlaceRow {
  readonly upstream: string;
  readonly conversation_id: string | null;
}

interface ExchangeRow {
  readonly id: number;
  readonly query: string;
  readonly answer: string;
}

async function endThreadsOf(
  { connection }: Database,
  threads: readonly string[],
): Promise<readonly EndedConversation[]> {
  const ended = (await connection(trialTable)
    .whereIn('thread', threads)
    .whereNotNull('conversation_id')
    .distinct('conversation_id', 'upstream')) as PlaceRow[];
  await connection(trialTable).whereIn('thread', threads).update({ thread: null });
  return ended.flatMap(({ conversation_id: conversationId, upstream: upstreamId }) =>
    conversationId === null ? [] : { conversationId, upstreamId },
  );
}

function toColumns(trial: FinishedTrial) {
  const { tried, error, usage } = trial;
  const detail = error?.detail ?? null;
  return {
    at: Date.now(),
    admin_id: trial.adminId,
    document_id: trial.characterId,
    side: tried.side,
    version: tried.version,
    hash: tried.hash,
    query: toStorableText(trial.query),
    answer: toStorableText(trial.answer),
    outcome: trial.outcome,
    error_code: error?.code ?? null,
    error: error === null ? null : toStorableText(error.sentence).slice(0, maxDetailChars),
    error_detail: detail === null ? null : toStorableText(detail.slice(0, maxDetailChars)),
    usage: usage === null ? null : JSON.stringify(toStorableJson(usage)),
    ms: trial.ms,
    thread: trial.thread,
    upstream: trial.upstreamId,
    conversation_id: trial.conversationId,
    upstream_message_id: trial.messageId,
  };
}
