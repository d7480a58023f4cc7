/** The states of a turn. All states except `pending` are final: they never change. */
export const turnOutcomes = ['pending', 'completed', 'stopped', 'interrupted', 'failed'] as const;

export type TurnOutcome = (typeof turnOutcomes)[number];

export type FinalOutcome = Exclude<TurnOutcome, 'pending'>;

/** Token counts and prices of one answer, as the upstream reports them in `message_end`. */
export type Usage = Readonly<Record<string, string | number | null>>;
