import type { Core } from '@strapi/strapi';

import { createTable } from '../sql/schema-changes';

type Database = Core.Strapi['db'];

/**
 * The trials of editors, one row for each answer, written at its end. The tables are no content types, so nothing in the
 * panel edits them, and no query of users' messages reads them.
 */
export const trialTable = 'chat_trials';
/** Comparisons of two prompts, for a day. */
export const comparisonTable = 'chat_comparisons';

export async function createTrialTables(db: Database): Promise<void> {
  await createTable(db, trialTable, (table) => {
    table.increments('id');
    // The end of the answer, in milliseconds since 1970.
    table.bigInteger('at').notNullable().index();
    table.integer('admin_id').notNullable();
    table.string('document_id', 255).notNullable();
    table.string('side', 16).notNullable();
    table.integer('version');
    table.string('hash', 64);
    table.text('query').notNullable();
    table.text('answer').notNullable();
    table.string('outcome', 16).notNullable();
    table.string('error_code', 64);
    table.text('error');
    table.text('error_detail');
    // JSON, as the upstream reports it.
    table.text('usage');
    table.integer('ms').notNullable();
    // Null if no question can continue it.
    table.string('thread', 128);
    table.string('upstream', 255);
    table.string('conversation_id', 255);
    table.string('upstream_message_id', 255);
    table.index(['document_id', 'id']);
    table.index(['thread', 'id']);
  });
  await createTable(db, comparisonTable, (table) => {
    table.string('id', 36).primary();
    table.integer('admin_id').notNullable();
    // The administrator while it runs, so that nobody has two that run. Null afterwards.
    table.integer('running_admin_id').unique();
    table.string('document_id', 255).notNullable();
    // JSON: what is compared, the number of questions, and the answers so far.
    table.text('compared').notNullable();
    table.text('answers').notNullable();
    table.string('state', 16).notNullable();
    // Milliseconds since 1970.
    table.bigInteger('started').notNullable().index();
    table.bigInteger('saved').notNullable();
  });
}
