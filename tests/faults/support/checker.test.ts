import { findViolations, type Asked, type History, type SavedRow, type Telling } from './checker';

const query = 'What is the fog made of?';
const whole = 'Of water, mostly.';

const telling: Telling = {
  status: 200,
  turnIds: ['turn-1'],
  text: whole,
  terminals: [{ event: 'message_end', outcome: 'completed', code: null }],
};
const asked: Asked = { query, userId: 7, tellings: [telling] };
const question: SavedRow = {
  turn_id: 'turn-1',
  role: 'user',
  query,
  answer: null,
  outcome: null,
  user_id: 7,
};
const answer: SavedRow = { ...question, role: 'assistant', answer: whole, outcome: 'completed' };
const good: History = { asked: [asked], saved: [question, answer], upstream: [{ query, whole }] };

const broken: Telling = {
  ...telling,
  text: 'Of water',
  terminals: [{ event: 'error', outcome: 'interrupted', code: 'upstream-interrupted' }],
};
const interrupted = { ...answer, answer: 'Of water', outcome: 'interrupted' };
const refused: Telling = { status: 503, turnIds: [], text: '', terminals: [] };

const tell = (...tellings: Partial<Telling>[]): Pick<History, 'asked'> => ({
  asked: [{ ...asked, tellings: tellings.map((changes) => ({ ...telling, ...changes })) }],
});
const save = (...saved: SavedRow[]): Pick<History, 'saved'> => ({ saved });
const kindsOf = (history: Partial<History>) =>
  findViolations({ ...good, ...history }).map(({ kind }) => kind);

describe('findViolations without a contradiction', () => {
  it.each<[string, Partial<History>]>([
    ['a complete answer that was sent and saved', {}],
    ['an answer whose client disconnected', tell({ text: 'Of wat', terminals: [] })],
    [
      'an answer that broke off',
      { ...tell(broken), ...save(question, interrupted), upstream: [{ query, whole: null }] },
    ],
    ['a saved question whose connection broke before the reply', tell({ ...refused, status: null })],
    ['a question that left no trace', { ...tell({ ...refused, status: null }), saved: [], upstream: [] }],
    ['a refused question', { ...tell(refused), saved: [], upstream: [] }],
    ['an answer sent to two connections', tell({}, { text: '', terminals: [] })],
    [
      'an answer whose process was killed after it sent more than it saved',
      {
        asked: [
          { ...asked, wasKilled: true, tellings: [{ ...telling, text: 'Of water, m', terminals: [] }] },
        ],
        ...save(question, interrupted),
        upstream: [{ query, whole: null }],
      },
    ],
  ])('accepts %s', (_what, history) => {
    expect(kindsOf(history)).toEqual([]);
  });
});

describe('findViolations with a contradiction', () => {
  it.each<[string, string, Partial<History>]>([
    ['lost', 'a turn was sent but not saved', { saved: [] }],
    ['lost', 'the answer of a turn is not saved', save(question)],
    ['lost', 'the question of a turn is not saved', save(answer)],
    ['doubled', 'a message is saved twice', save(question, answer, answer)],
    ['doubled', 'a question made two turns', save(question, answer, { ...question, turn_id: 'turn-2' })],
    [
      'doubled',
      'two turns were sent for one question',
      { ...tell({}, { turnIds: ['turn-2'] }), ...save(question, { ...answer, turn_id: 'turn-2' }) },
    ],
    ['invented', 'a saved question was never asked', save(question, answer, { ...question, query: 'Who?' })],
    ['misattributed', 'it belongs to another user', save(question, { ...answer, user_id: 8 })],
    [
      'stuck',
      'the answer stays pending',
      { ...tell({ terminals: [] }), ...save(question, { ...answer, outcome: 'pending' }) },
    ],
    ['text-differs', 'a piece was sent twice', tell({ text: 'Of Of water, mostly.' })],
    ['text-differs', 'the client did not receive the end', tell({ text: 'Of water' })],
    [
      'text-differs',
      'more was sent than saved, without a kill',
      { ...tell({ terminals: [] }), ...save(question, interrupted) },
    ],
    [
      'told-two-ends',
      'two final events were sent',
      tell({ terminals: [...telling.terminals, ...telling.terminals] }),
    ],
    [
      'outcome-differs',
      'the outcome completed was sent but not saved',
      save(question, { ...answer, outcome: 'interrupted' }),
    ],
    ['not-complete', 'Dify did not finish the answer', { upstream: [{ query, whole: null }] }],
    [
      'not-complete',
      'Dify finished with another text',
      { upstream: [{ query, whole: 'Of water, mostly, and salt.' }] },
    ],
    ['not-complete', 'Dify was not asked', { upstream: [] }],
    ['asked-again', 'Dify was asked twice', { upstream: [...good.upstream, { query, whole: null }] }],
    [
      'asked-again',
      'Dify was asked a question that no user asked',
      { upstream: [...good.upstream, { query: 'Who?', whole: null }] },
    ],
    ['refused-yet-asked', 'a refused question went to Dify', { ...tell(refused), saved: [] }],
    [
      'logged-out',
      'a good token was refused',
      { ...tell({ ...refused, status: 401 }), saved: [], upstream: [] },
    ],
  ])('finds "%s": %s', (kind, _what, history) => {
    expect(kindsOf(history)).toContain(kind);
  });

  it('reports where two texts differ', () => {
    const [violation] = findViolations({ ...good, ...tell({ text: 'Of water, maybe.' }) });
    expect(violation).toEqual({
      kind: 'text-differs',
      query,
      detail: '16 characters, …"f water, maybe." against 17 characters, …"f water, mostly."',
    });
  });
});
