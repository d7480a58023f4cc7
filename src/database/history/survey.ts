import type { Core } from '@strapi/strapi';

/** How far rows were looked at for a history. */
export interface SurveyMark {
  /** Of the history. */
  readonly identity: string;
  /** The id of the last row. */
  readonly lastId: number;
}

/** Where the mark is kept. It comes along with an import, or stays: see `createSurvey`. */
export interface SurveyMemory {
  read(): Promise<unknown>;
  write(mark: SurveyMark): Promise<void>;
}

export interface Survey {
  /** See `HistorySource.makeMissingDue`. */
  makeMissingDue(identity: string): Promise<boolean>;
}

/** Ids that one statement looks at: a few milliseconds of SQLite, for which all others wait. */
const idsPerStep = 1_000;

/**
 * Finds finished turns that a history does not have. Each row says which history has it (`history_store`), so an import
 * brings the truth along, whichever history it is imported beside. The mark is for speed alone: rows up to it are not
 * looked at again. Rows of an import have new ids; a mark beyond the last id, or of another history, counts for nothing.
 * Several processes may do so at the same time.
 */
export function createSurvey(db: Core.Strapi['db'], memory: SurveyMemory, size = idsPerStep): Survey {
  let pass: { readonly identity: string; readonly lastId: number; nextId: number } | null = null;

  async function begin(identity: string) {
    const [row] = (await rowsOf(db).max({ id: 'id' })) as { id: number | null }[];
    const lastId = row?.id ?? 0;
    const mark = toMark(await memory.read());
    const isKnown = mark?.identity === identity && mark.lastId <= lastId;
    return { identity, lastId, nextId: isKnown ? mark.lastId : 0 };
  }

  return {
    async makeMissingDue(identity) {
      pass ??= await begin(identity);
      if (pass.nextId < pass.lastId) {
        await makeDue(db, identity, pass.nextId, Math.min(pass.nextId + size, pass.lastId));
        pass.nextId += size;
      }
      if (pass.nextId < pass.lastId) return true;
      await memory.write({ identity, lastId: pass.lastId });
      pass = null;
      return false;
    },
  };
}

function rowsOf(db: Core.Strapi['db']) {
  return db.connection('chat_conversations');
}

/** Rows of before there was a history have no `ended_at`. */
async function makeDue(db: Core.Strapi['db'], identity: string, after: number, to: number): Promise<void> {
  const endedAt = db.connection.raw('coalesce(ended_at, updated_at)');
  await rowsOf(db)
    .where('id', '>', after)
    .where('id', '<=', to)
    .where({ role: 'assistant' })
    .whereNotNull('turn_id')
    .whereNull('history_due')
    .where((either) => void either.whereNull('history_store').orWhereNot({ history_store: identity }))
    .whereIn('outcome', ['completed', 'stopped', 'interrupted', 'failed'])
    .update({ ended_at: endedAt, history_due: endedAt });
}

function toMark(value: unknown): SurveyMark | null {
  const { identity, lastId } = Object(value) as Partial<SurveyMark>;
  return typeof identity === 'string' && typeof lastId === 'number' ? { identity, lastId } : null;
}
