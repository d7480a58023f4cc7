/**
 * SQL condition for answers of turns that have not ended.
 * The values are literals, because a database would not use the partial index for bound values.
 */
export const isPending = "outcome = 'pending' and role = 'assistant'";
