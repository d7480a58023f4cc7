import type { Core } from '@strapi/strapi';

import { statementsOf } from '../../sql/statements';
import type { VersionFields } from './fields';
import { versionTable } from './table';

type Database = Core.Strapi['db'];

/** A version in the list of its character. */
export interface VersionInfo {
  readonly version: number;
  readonly publishedAt: Date;
  /** The name or the email of the administrator; null if it is unknown or the account is deleted. */
  readonly publishedBy: string | null;
}

/** What users did with the answers of one version. Counts all saved answers, also those that a user has deleted. */
export interface AnswerCounts {
  readonly answers: number;
  readonly likes: number;
  readonly dislikes: number;
  readonly stops: number;
  /** Answers that failed or broke off. */
  readonly errors: number;
  /** The sum of the tokens that the upstream reported. */
  readonly tokens: number;
}

export const noAnswers: AnswerCounts = { answers: 0, likes: 0, dislikes: 0, stops: 0, errors: 0, tokens: 0 };

interface VersionRow {
  readonly version: number;
  /** PostgreSQL returns large integers as text. */
  readonly published: number | string;
  readonly firstname: string | null;
  readonly lastname: string | null;
  readonly email: string | null;
  readonly total: number | string;
}

/** Lists a page of the versions of a character, newest first. */
export async function listVersions(
  db: Database,
  documentId: string,
  { page, pageSize }: { readonly page: number; readonly pageSize: number },
): Promise<{ readonly versions: readonly VersionInfo[]; readonly total: number }> {
  const rows = await statementsOf(db.connection)<VersionRow>({
    sql: `select v.version, v.published, u.firstname, u.lastname, u.email, count(*) over () as total
      from ${versionTable} v left join admin_users u on u.id = v.admin_id
      where v.document_id = ? order by v.version desc limit ? offset ?`,
    values: [documentId, pageSize, (page - 1) * pageSize],
  });
  return { versions: rows.map(toInfo), total: Number(rows[0]?.total ?? 0) };
}

function toInfo({ version, published, firstname, lastname, email }: VersionRow): VersionInfo {
  const name = [firstname, lastname].filter(Boolean).join(' ');
  return { version, publishedAt: new Date(Number(published)), publishedBy: name === '' ? email : name };
}

/** Returns null if the character has no such version. */
export async function findVersion(
  db: Database,
  documentId: string,
  version: number,
): Promise<VersionFields | null> {
  const row = (await db
    .connection(versionTable)
    .where({ document_id: documentId, version })
    .first('fields')) as { fields: string } | undefined;
  return row === undefined ? null : (JSON.parse(row.fields) as VersionFields);
}

/** Returns the newest version of a character with these fields; null if there is none. */
export async function findVersionOf(db: Database, documentId: string, hash: string): Promise<number | null> {
  const row = (await db
    .connection(versionTable)
    .where({ document_id: documentId, hash })
    .orderBy('version', 'desc')
    .first('version')) as { readonly version: number } | undefined;
  return row?.version ?? null;
}

/** Returns the hash of the fields of a version; null if the character has no such version. */
export async function findVersionHash(
  db: Database,
  documentId: string,
  version: number,
): Promise<string | null> {
  const row = (await db
    .connection(versionTable)
    .where({ document_id: documentId, version })
    .first('hash')) as { readonly hash: string } | undefined;
  return row?.hash ?? null;
}

type CountRow = { readonly version: number } & Readonly<Record<keyof AnswerCounts, number | string | null>>;

/** Counts the answers of these versions with one statement, which uses an index. */
export async function countAnswers(
  db: Database,
  documentId: string,
  versions: readonly number[],
): Promise<ReadonlyMap<number, AnswerCounts>> {
  if (versions.length === 0) return new Map();
  const countIf = (condition: string) => `sum(case when ${condition} then 1 else 0 end)`;
  const rows = await statementsOf(db.connection)<CountRow>({
    sql: `select character_version as version, count(*) as answers,
        ${countIf("feedback = 'like'")} as likes, ${countIf("feedback = 'dislike'")} as dislikes,
        ${countIf("outcome = 'stopped'")} as stops,
        ${countIf("outcome in ('failed', 'interrupted')")} as errors, sum(${tokensIn(db)}) as tokens
      from chat_conversations
      where ai_character_document_id = ? and character_version is not null
        and character_version in (${versions.map(() => '?').join(', ')})
      group by character_version`,
    values: [documentId, ...versions],
  });
  return new Map(rows.map((row) => [row.version, toCounts(row)]));
}

/** Returns SQL for the tokens of an answer. An upstream can report something that is no number. */
function tokensIn({ dialect }: Database): string {
  return dialect.client === 'sqlite'
    ? "case when json_type(usage, '$.total_tokens') in ('integer', 'real') then json_extract(usage, '$.total_tokens') end"
    : "case when jsonb_typeof(usage -> 'total_tokens') = 'number' then (usage ->> 'total_tokens')::numeric end";
}

function toCounts({ version: _version, ...counts }: CountRow): AnswerCounts {
  const numbers = Object.entries(counts).map(([name, count]) => [name, Number(count ?? 0)]);
  return Object.fromEntries(numbers) as unknown as AnswerCounts;
}
