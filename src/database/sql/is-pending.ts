/** SQL for answers of turns that have not ended. By an index of just these: written out, as a value would not be seen. */
export const isPending = "outcome = 'pending' and role = 'assistant'";
