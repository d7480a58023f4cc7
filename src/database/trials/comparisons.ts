import type { Core } from '@strapi/strapi';

import {
  toStorableJson,
  type ComparedQuestion,
  type ComparisonState,
  type ComparisonStore,
  type NewComparison,
} from '../../chat';
import { comparisonTable } from './tables';

type Database = Core.Strapi['db'];

/** How long the result of a comparison can be read. */
export const comparisonKeptMs = 86_400_000;
/** A running comparison saves at least every two minutes. Without that for so long, its process is dead. */
const aliveMs = 300_000;

type Compared = Pick<NewComparison, 'one' | 'other' | 'questions'>;

export function createComparisonStore(db: Database): ComparisonStore {
  const rows = () => db.connection(comparisonTable);
  return {
    async begin({ id, adminId, characterId, one, other, questions }) {
      const now = Date.now();
      await rows()
        .where({ running_admin_id: adminId })
        .where('saved', '<', now - aliveMs)
        .update({ running_admin_id: null, state: 'interrupted' satisfies ComparisonState });
      const compared: Compared = { one, other, questions };
      await rows()
        .insert({
          id,
          admin_id: adminId,
          running_admin_id: adminId,
          document_id: characterId,
          compared: JSON.stringify(compared),
          answers: '[]',
          state: 'running' satisfies ComparisonState,
          started: now,
          saved: now,
        })
        .onConflict('running_admin_id')
        .ignore();
      return (await rows().where({ id }).first('id')) !== undefined;
    },
    async save(id, answers, state) {
      await rows()
        .where({ id })
        .update({
          answers: JSON.stringify(toStorableJson(answers)),
          state,
          saved: Date.now(),
          ...(state !== 'running' && { running_admin_id: null }),
        });
    },
    async find(adminId, id) {
      const row = (await rows()
        .where({ id, admin_id: adminId })
        .where('started', '>=', Date.now() - comparisonKeptMs)
        .first()) as ComparisonRow | undefined;
      if (row === undefined) return null;
      const isDead = row.state === 'running' && Number(row.saved) < Date.now() - aliveMs;
      return {
        id,
        adminId,
        characterId: row.document_id,
        ...(JSON.parse(row.compared) as Compared),
        state: isDead ? 'interrupted' : row.state,
        startedAt: new Date(Number(row.started)),
        answers: JSON.parse(row.answers) as ComparedQuestion[],
      };
    },
  };
}

interface ComparisonRow {
  readonly document_id: string;
  readonly compared: string;
  readonly answers: string;
  readonly state: ComparisonState;
  /** PostgreSQL returns large integers as text. */
  readonly started: number | string;
  readonly saved: number | string;
}
