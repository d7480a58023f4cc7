import type { Core } from '@strapi/strapi';

/** Marks how far the survey has read the messages for one history. */
export interface SurveyMark {
  /** The identity of the history. */
  readonly identity: string;
  /** The id of the last row that the survey has read. */
  readonly lastId: number;
}

/** Stores the mark. An import can replace the mark or leave it: `createSurvey` handles both cases. */
export interface SurveyMemory {
  read(): Promise<unknown>;
  write(mark: SurveyMark): Promise<void>;
}

export interface Survey {
  /** See `HistorySource.makeMissingDue`. */
  makeMissingDue(identity: string): Promise<boolean>;
}

/** How many ids one statement covers. SQLite needs a few milliseconds for it and blocks all other work meanwhile. */
const idsPerStep = 1_000;

/**
 * Finds finished turns that a history does not have, and makes them due for copying.
 * Each row names the history that has it (`history_store`). This is still correct after an import, with any history.
 * The mark only saves time: the survey skips rows up to it. Imported rows have new ids.
 * A mark above the last id, or a mark of another history, is ignored.
 * Several processes may run a survey at the same time.
 * @param size ids per step.
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

/** Makes turns due. Rows from before the history existed have no `ended_at`, so they get their `updated_at`. */
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
