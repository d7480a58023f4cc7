import type { HistoryNaming } from '../../src/history';
import type { UserOfToday } from './main-users';
import { counted, toTable, type Screen } from './screen';
import { assertRunning } from './walk';

/** Lists the numbers by which an older version named users, and whose records have no user. No user sees them. */
export async function showUnassigned(store: HistoryNaming, screen: Screen): Promise<void> {
  const users = await store.listFormerUsers();
  if (users.length === 0) return screen.say('Every record that was looked at has a user.');
  const rows = users.map(({ formerUserId, records, firstAt, lastAt }) => [
    formerUserId,
    records,
    firstAt.toISOString(),
    lastAt.toISOString(),
  ]);
  for (const line of toTable(['number', 'records', 'from', 'to'], rows)) screen.say(line);
}

export async function assignOne(
  store: HistoryNaming,
  screen: Screen,
  formerUserId: number,
  userDocumentId: string,
): Promise<void> {
  const assigned = await store.assign(formerUserId, userDocumentId);
  screen.say(`Gave ${counted(assigned, 'record')} of number ${formerUserId} to ${userDocumentId}.`);
}

export interface AssignByIdOptions {
  readonly store: HistoryNaming;
  readonly screen: Screen;
  readonly signal: AbortSignal;
  findUsers(ids: readonly number[]): Promise<ReadonlyMap<number, UserOfToday>>;
}

/** Treats each number as the id of an existing user. Skips a user who was created after the first record. */
export async function assignById({ store, screen, signal, findUsers }: AssignByIdOptions): Promise<void> {
  const numbers = await store.listFormerUsers();
  const users = await findUsers(numbers.map(({ formerUserId }) => formerUserId));
  for (const { formerUserId, firstAt } of numbers) {
    assertRunning(signal);
    const user = users.get(formerUserId);
    if (user !== undefined && user.createdAt <= firstAt)
      await assignOne(store, screen, formerUserId, user.documentId);
    else screen.say(`No user with the id ${formerUserId} existed at the time of the first record.`);
  }
}
