import type { TrialEnd, TrialQuestion, Trials } from './trials';

/** A trial with its whole answer, or the text so far. */
export interface WholeAnswer extends Omit<TrialEnd, 'type'> {
  readonly answer: string;
}

/** Asks, and waits for the end. @param leave stops the answer in the upstream. */
export async function askForWhole(
  trials: Pick<Trials, 'ask'>,
  question: TrialQuestion,
  leave: AbortSignal,
): Promise<WholeAnswer> {
  let answer = '';
  let end: TrialEnd | undefined;
  await trials.ask(
    question,
    (event) => {
      if (event.type === 'delta') answer += event.text;
      else if (event.type === 'replaced') answer = event.text;
      else if (event.type === 'ended') end = event;
    },
    leave,
  );
  if (end === undefined) throw new Error('The trial has not told its end.');
  const { outcome, usage, ms, error, errorDetail } = end;
  return { answer, outcome, usage, ms, error, errorDetail };
}
