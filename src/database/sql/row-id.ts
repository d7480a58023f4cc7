/** Whether a reference is the number of a row: PostgreSQL would refuse one beyond its integers with an error. */
export function isRowId(reference: string): boolean {
  return /^\d{1,10}$/u.test(reference) && Number(reference) <= 2_147_483_647;
}
