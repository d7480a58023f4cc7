/**
 * Compares what clients received, what the database holds and what Dify was asked, and finds every contradiction.
 * Jepsen works the same way: no fault excuses a contradiction. https://jepsen.io/consistency
 */

/** Everything that one connection received for one question, from the first event of the turn. */
export interface Telling {
  /** Status of the response. Null when the connection broke before it. */
  readonly status: number | null;
  /** The turn ids of all received events. */
  readonly turnIds: readonly string[];
  /** The received text of the answer. */
  readonly text: string;
  readonly terminals: readonly {
    readonly event: string;
    readonly outcome: string;
    readonly code: string | null;
  }[];
}

/** A question with a unique text, and everything that clients received for it. */
export interface Asked {
  readonly query: string;
  readonly userId: number;
  readonly tellings: readonly Telling[];
  /** The process was killed, so text after the last checkpoint may be lost. */
  readonly wasKilled?: boolean;
}

/** A row of chat_conversations. */
export interface SavedRow {
  readonly turn_id: string | null;
  readonly role: string;
  readonly query: string;
  readonly answer: string | null;
  readonly outcome: string | null;
  readonly user_id: number | null;
}

/** One Dify call. `whole` is the finished answer, or null if Dify did not finish it. */
export interface UpstreamAnswer {
  readonly query: string;
  readonly whole: string | null;
}

export interface History {
  readonly asked: readonly Asked[];
  readonly saved: readonly SavedRow[];
  readonly upstream: readonly UpstreamAnswer[];
}

export type ViolationKind =
  /** A client received events of a turn that is not saved, or of which only one message is saved. */
  | 'lost'
  /** One question made several turns, or one message of a turn is saved twice. */
  | 'doubled'
  /** Saved, but no user asked it. */
  | 'invented'
  /** Saved for another user. */
  | 'misattributed'
  /** Still pending after all turns ended. */
  | 'stuck'
  /** The received text differs from the saved text. */
  | 'text-differs'
  /** One connection received more than one terminal event. */
  | 'told-two-ends'
  /** The received outcome differs from the saved outcome. */
  | 'outcome-differs'
  /** Saved as completed, but Dify did not finish the answer or finished with another text. */
  | 'not-complete'
  /** Dify was asked more than once, or was asked a question that no user asked. */
  | 'asked-again'
  /** The server refused the question and asked Dify nevertheless. */
  | 'refused-yet-asked'
  /** The server replied 401 to a valid token. */
  | 'logged-out';

export interface Violation {
  readonly kind: ViolationKind;
  readonly query: string;
  readonly detail: string;
}

/** @returns every contradiction. The caller waits until no turn is running. */
export function findViolations({ asked, saved, upstream }: History): readonly Violation[] {
  const rowsOf = groupBy(saved, ({ query }) => query);
  const answersOf = groupBy(upstream, ({ query }) => query);
  const known = new Set(asked.map(({ query }) => query));
  return [
    ...asked.flatMap((one) =>
      checkQuestion(one, rowsOf.get(one.query) ?? [], answersOf.get(one.query) ?? []),
    ),
    ...[...rowsOf.keys()].filter((query) => !known.has(query)).map((query) => violation('invented', query)),
    ...[...answersOf.keys()]
      .filter((query) => !known.has(query))
      .map((query) => violation('asked-again', query)),
  ];
}

function checkQuestion(
  asked: Asked,
  rows: readonly SavedRow[],
  answers: readonly UpstreamAnswer[],
): readonly Violation[] {
  const { query, tellings } = asked;
  const of = (kind: ViolationKind, detail = '') => violation(kind, query, detail);
  const questions = rows.filter(({ role }) => role === 'user');
  const replies = rows.filter(({ role }) => role === 'assistant');
  const [reply] = replies;
  const told = new Set(tellings.flatMap(({ turnIds }) => turnIds));
  const savedTurns = new Set(rows.map(({ turn_id: turnId }) => turnId));

  const found: Violation[] = [];
  for (const turnId of told)
    if (!savedTurns.has(turnId)) found.push(of('lost', `turn ${turnId} is not saved`));
  if (rows.length > 0 && (questions.length === 0 || replies.length === 0)) {
    found.push(of('lost', 'only one of the two messages is saved'));
  }
  if (questions.length > 1 || replies.length > 1) {
    found.push(of('doubled', `${questions.length} questions and ${replies.length} answers are saved`));
  }
  if (told.size > 1) found.push(of('doubled', `${told.size} turns were sent`));
  if (rows.some(({ user_id: userId }) => userId !== asked.userId)) found.push(of('misattributed'));
  if (tellings.some(({ status }) => status === 401)) found.push(of('logged-out'));
  const isRefused = tellings.length > 0 && tellings.every(({ status }) => status !== null && status >= 400);
  if (isRefused && answers.length > 0) found.push(of('refused-yet-asked'));
  if (answers.length > 1) found.push(of('asked-again', `Dify was asked ${answers.length} times`));
  if (reply !== undefined) {
    found.push(...checkAnswer(asked, reply, answers));
    found.push(...tellings.flatMap((telling) => checkTelling(asked, telling, reply)));
  }
  return found;
}

function checkAnswer(
  { query }: Asked,
  { outcome, answer }: SavedRow,
  answers: readonly UpstreamAnswer[],
): readonly Violation[] {
  if (outcome === 'pending' || outcome === null) return [violation('stuck', query)];
  if (outcome !== 'completed') return [];
  const wholes = answers.map(({ whole }) => whole);
  if (wholes.includes(answer ?? '')) return [];
  const detail = wholes.length === 0 ? 'Dify was not asked' : differ(answer ?? '', wholes.at(-1) ?? '');
  return [violation('not-complete', query, detail)];
}

function checkTelling(
  { query, wasKilled = false }: Asked,
  telling: Telling,
  reply: SavedRow,
): readonly Violation[] {
  const { terminals, text } = telling;
  const [end] = terminals;
  const saved = reply.answer ?? '';
  const found: Violation[] = [];
  if (terminals.length > 1)
    found.push(violation('told-two-ends', query, terminals.map(({ event }) => event).join()));
  if (end !== undefined && end.outcome !== reply.outcome) {
    found.push(violation('outcome-differs', query, `${end.outcome} was sent, ${reply.outcome} is saved`));
  }
  const isAgreed =
    end !== undefined ? text === saved : saved.startsWith(text) || (wasKilled && text.startsWith(saved));
  if (!isAgreed) found.push(violation('text-differs', query, differ(text, saved)));
  return found;
}

/** Describes where two texts differ. */
function differ(told: string, saved: string): string {
  let at = 0;
  while (at < told.length && told[at] === saved[at]) at += 1;
  const from = Math.max(0, at - 10);
  const show = (text: string) => `${text.length} characters, …${JSON.stringify(text.slice(from, from + 40))}`;
  return `${show(told)} against ${show(saved)}`;
}

function violation(kind: ViolationKind, query: string, detail = ''): Violation {
  return { kind, query, detail };
}

function groupBy<T>(values: readonly T[], keyOf: (value: T) => string): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const value of values) {
    const key = keyOf(value);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [value]);
    else group.push(value);
  }
  return groups;
}
