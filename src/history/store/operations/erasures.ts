import type { Erasure, NamedUser } from '../../model/store';
import { chunks, incoming, marks, onConflict, type Row, type Statements } from '../database';
import { numberOf, textOf } from '../rows';

/** Ids in one statement. */
const idsPerLookup = 500;

/**
 * The data that decides whether an erasure covers a record. It names the user by documentId, by former number, or by
 * both.
 */
export interface Erasable {
  readonly userDocumentId: string | null;
  readonly formerUserId: number | null;
  readonly conversationId: string;
  readonly timeMs: number;
}

/** Returns the key of a user in the table of erasures. */
export function keyOf(user: NamedUser): readonly [userDocumentId: string, formerUserId: number] {
  return 'userDocumentId' in user ? [user.userDocumentId, 0] : ['', user.formerUserId];
}

/** Saves an erasure. Among several of the same data, the one with the latest time stays. */
export async function saveErasure(statements: Statements, erasure: Erasure): Promise<void> {
  const given = incoming(statements.kind, 'erased_before');
  await statements.run(
    `insert into history_erasures (user_document_id, user_id, conversation_id, erased_before) values (?, ?, ?, ?)
     ${onConflict(statements.kind, ['user_document_id', 'user_id', 'conversation_id'])}
     erased_before = case when ${given} > history_erasures.erased_before
                          then ${given} else history_erasures.erased_before end`,
    [...keyOf(erasure), erasure.conversationId ?? '', erasure.before.getTime()],
  );
}

/** @returns a function that returns whether an erasure covers a record: by the user's documentId, or by its number. */
export async function findErased(
  statements: Statements,
  records: readonly Erasable[],
): Promise<(record: Erasable) => boolean> {
  const erasedBefore = new Map<string, number>();
  for (const some of chunks(records, idsPerLookup)) {
    const users = [...new Set(some.map((record) => record.userDocumentId ?? ''))];
    const numbers = [...new Set(some.map((record) => record.formerUserId ?? 0)), 0];
    const conversations = [...new Set(some.map(({ conversationId }) => conversationId)), ''];
    const rows = await statements.all(
      `select user_document_id, user_id, conversation_id, erased_before from history_erasures
       where user_document_id in (${marks(users.length + 1)}) and user_id in (${marks(numbers.length)})
         and conversation_id in (${marks(conversations.length)})`,
      [...users, '', ...numbers, ...conversations],
    );
    for (const row of rows) erasedBefore.set(nameOf(row), numberOf(row['erased_before']));
  }
  if (erasedBefore.size === 0) return () => false;
  const isBefore = (timeMs: number, ...name: readonly (string | number)[]) =>
    timeMs < (erasedBefore.get(name.join(' ')) ?? -Infinity);
  return ({ userDocumentId, formerUserId, conversationId, timeMs }) =>
    (userDocumentId !== null &&
      (isBefore(timeMs, userDocumentId, 0, '') || isBefore(timeMs, userDocumentId, 0, conversationId))) ||
    (formerUserId !== null &&
      ((userDocumentId === null && isBefore(timeMs, '', formerUserId, '')) ||
        isBefore(timeMs, '', formerUserId, conversationId)));
}

function nameOf(row: Row): string {
  return [textOf(row['user_document_id']), numberOf(row['user_id']), textOf(row['conversation_id'])].join(
    ' ',
  );
}
