/**
 * Compares what clients were told, what the database holds and what Dify was asked, and finds every contradiction, as
 * Jepsen does: whatever went wrong in between, no history may contain one. https://jepsen.io/consistency
 */

/** What one connection was told of one question, from the first event of its turn. */
export interface Telling {
  /** Of the response; null where the connection broke before it. */
  readonly status: number | null;
  /** The turns its events were of. */
  readonly turnIds: readonly string[];
  /** The answer as far as it was told. */
  readonly text: string;
  readonly terminals: readonly {
    readonly event: string;
    readonly outcome: string;
    readonly code: string | null;
  }[];
}

/** A question, which nobody else asks in these words, and everything anybody was told of it. */
export interface Asked {
  readonly query: string;
  readonly userId: number;
  readonly tellings: readonly Telling[];
  /** Its process was killed: what came after the last checkpoint may be gone. */
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

/** One time Dify was asked; `whole` is the answer it came to the end of, null if it came to none. */
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
  /** Somebody was told of a turn that is not saved, or not with both of its messages. */
  | 'lost'
  /** One question made several turns, or a turn has a message twice. */
  | 'doubled'
  /** Saved, but never asked. */
  | 'invented'
  /** Saved as somebody else's. */
  | 'misattributed'
  /** Still pending when everything is over. */
  | 'stuck'
  /** A told text that is not what is saved. */
  | 'text-differs'
  /** More than one terminal event on one connection. */
  | 'told-two-ends'
  /** A told outcome that is not the saved one. */
  | 'outcome-differs'
  /** Called complete, but Dify never came to the end of it, or to another one. */
  | 'not-complete'
  /** Dify was asked more than once, or for a question nobody asked. */
  | 'asked-again'
  /** The question was refused, and Dify was asked all the same. */
  | 'refused-yet-asked'
  /** Answered 401 although the token was good. */
  | 'logged-out';

export interface Violation {
  readonly kind: ViolationKind;
  readonly query: string;
  readonly detail: string;
}

/** @returns every contradiction in the history of a time that is over: no turn may be running any more. */
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
  if (told.size > 1) found.push(of('doubled', `${told.size} turns were told`));
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
    found.push(violation('outcome-differs', query, `${end.outcome} was told, ${reply.outcome} is saved`));
  }
  const isAgreed =
    end !== undefined ? text === saved : saved.startsWith(text) || (wasKilled && text.startsWith(saved));
  if (!isAgreed) found.push(violation('text-differs', query, differ(text, saved)));
  return found;
}

/** Where two texts part, for a reader. */
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
