import type { Core } from '@strapi/strapi';

import { createTable } from '../sql/schema-changes';

type Database = Core.Strapi['db'];

/** The log of administrators who read users' words. The table is no content type, so nothing in the panel edits it. */
const auditTable = 'chat_audit';

export const auditActions = ['open', 'search', 'export', 'history', 'entries'] as const;

export type AuditAction = (typeof auditActions)[number];

/** The part that an administrator has read. It has ids only, and no words of users. */
export interface NewAuditEntry {
  readonly adminId: number;
  /** The administrator's email at that time. */
  readonly adminEmail: string;
  readonly action: AuditAction;
  readonly sessionId?: string | null;
  readonly userId?: number | null;
  readonly userDocumentId?: string | null;
  /** At most 255 characters, e.g. the format of an export. */
  readonly detail?: string | null;
}

export interface AuditEntry extends Required<NewAuditEntry> {
  readonly id: number;
  readonly at: Date;
}

export interface AuditLog {
  note(entry: NewAuditEntry): Promise<void>;
  /** Does nothing if the administrator did the same within the last hour: a reader loads a transcript in parts. */
  noteOnce(entry: NewAuditEntry): Promise<void>;
  /** Lists entries before an id, the newest first. */
  list(before: number, limit: number): Promise<readonly AuditEntry[]>;
}

const sameVisitMs = 3_600_000;
/** Rows that one statement removes. SQLite blocks other work meanwhile. */
const prunedAtOnce = 1_000;

/** Creates the table. Its entries survive the administrators, the users and the sessions that they name. */
export async function createAuditTable(db: Database): Promise<void> {
  await createTable(db, auditTable, (table) => {
    table.increments('id');
    // Milliseconds since 1970.
    table.bigInteger('at').notNullable().index();
    table.integer('admin_id').notNullable();
    table.string('admin_email', 255).notNullable();
    table.string('action', 32).notNullable();
    table.string('session_id', 64);
    table.integer('user_id');
    table.string('user_document_id', 255);
    table.string('detail', 255);
    table.index(['admin_id', 'at']);
  });
}

export function createAuditLog(db: Database): AuditLog {
  const rows = () => db.connection(auditTable);
  const note = async (entry: NewAuditEntry) => {
    await rows().insert({ ...toColumns(entry), at: Date.now() });
  };
  return {
    note,
    async noteOnce(entry) {
      const same: unknown = await rows()
        .where(toColumns(entry))
        .where('at', '>', Date.now() - sameVisitMs)
        .first('id');
      if (same === undefined) await note(entry);
    },
    async list(before, limit) {
      const page = (await rows()
        .where('id', '<', before)
        .orderBy('id', 'desc')
        .limit(limit)) as readonly AuditRow[];
      return page.map(toEntry);
    },
  };
}

/** Removes entries that are older than this many days. @returns how many. */
export async function pruneAudit(db: Database, retentionDays: number, signal: AbortSignal): Promise<number> {
  const outdatedMs = Date.now() - retentionDays * 86_400_000;
  let removed = 0;
  while (!signal.aborted) {
    const old = db.connection(auditTable).where('at', '<', outdatedMs).orderBy('at').limit(prunedAtOnce);
    const count = await db.connection(auditTable).whereIn('id', old.select('id')).delete();
    removed += count;
    if (count < prunedAtOnce) break;
  }
  return removed;
}

interface AuditRow {
  readonly id: number;
  /** PostgreSQL returns large integers as text. */
  readonly at: number | string;
  readonly admin_id: number;
  readonly admin_email: string;
  readonly action: AuditAction;
  readonly session_id: string | null;
  readonly user_id: number | null;
  readonly user_document_id: string | null;
  readonly detail: string | null;
}

function toColumns(entry: NewAuditEntry) {
  return {
    admin_id: entry.adminId,
    admin_email: entry.adminEmail,
    action: entry.action,
    session_id: entry.sessionId ?? null,
    user_id: entry.userId ?? null,
    user_document_id: entry.userDocumentId ?? null,
    detail: entry.detail ?? null,
  };
}

function toEntry(row: AuditRow): AuditEntry {
  return {
    id: row.id,
    at: new Date(Number(row.at)),
    adminId: row.admin_id,
    adminEmail: row.admin_email,
    action: row.action,
    sessionId: row.session_id,
    userId: row.user_id,
    userDocumentId: row.user_document_id,
    detail: row.detail,
  };
}
