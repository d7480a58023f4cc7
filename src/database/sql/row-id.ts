/** Returns whether a reference can be a row id. PostgreSQL throws an error for a number above its integer range. */
export function isRowId(reference: string): boolean {
  return /^\d{1,10}$/u.test(reference) && Number(reference) <= 2_147_483_647;
}
