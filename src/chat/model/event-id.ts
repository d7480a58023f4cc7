/**
 * The largest id of an event. The end of a turn has it if its real number is not known: the process that counted the
 * events died, or the turn is from before the server saved the number.
 */
export const maxEventId = 999_999_999;
