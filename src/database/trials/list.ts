import type { Core } from '@strapi/strapi';

import type { TriedPrompt, TrialOutcome, Usage } from '../../chat';
import { statementsOf } from '../sql/statements';
import { trialTable } from './tables';

type Database = Core.Strapi['db'];

/** A trial in the list of its character. */
export interface ListedTrial extends TriedPrompt {
  readonly id: number;
  readonly at: Date;
  /** The name or the email of the administrator; null if the account is deleted. */
  readonly editor: string | null;
  readonly query: string;
  readonly answer: string;
  readonly outcome: TrialOutcome;
  /** Sentences for the editor; null unless the answer failed. */
  readonly error: string | null;
  readonly errorDetail: string | null;
  readonly usage: Usage | null;
  readonly ms: number;
}

interface TrialRow extends TriedPrompt {
  readonly id: number;
  /** PostgreSQL returns large integers as text. */
  readonly at: number | string;
  readonly query: string;
  readonly answer: string;
  readonly outcome: TrialOutcome;
  readonly error: string | null;
  readonly error_detail: string | null;
  readonly usage: string | null;
  readonly ms: number;
  readonly firstname: string | null;
  readonly lastname: string | null;
  readonly email: string | null;
}

/** Lists trials of a character before an id, the newest first, with one statement that uses an index. */
export async function listTrials(
  db: Database,
  documentId: string,
  { before, limit }: { readonly before: number; readonly limit: number },
): Promise<readonly ListedTrial[]> {
  const rows = await statementsOf(db.connection)<TrialRow>({
    sql: `select t.id, t.at, t.side, t.version, t.hash, t.query, t.answer, t.outcome, t.error, t.error_detail, t.usage,
        t.ms, u.firstname, u.lastname, u.email
      from ${trialTable} t left join admin_users u on u.id = t.admin_id
      where t.document_id = ? and t.id < ? order by t.id desc limit ?`,
    values: [documentId, before, limit],
  });
  return rows.map(toListed);
}

function toListed({ at, error_detail, usage, firstname, lastname, email, ...row }: TrialRow): ListedTrial {
  const name = [firstname, lastname].filter(Boolean).join(' ');
  return {
    ...row,
    at: new Date(Number(at)),
    editor: name === '' ? email : name,
    errorDetail: error_detail,
    usage: usage === null ? null : (JSON.parse(usage) as Usage),
  };
}
