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

describe('findViolations, of a history without a contradiction', () => {
  it.each<[string, Partial<History>]>([
    ['a complete answer, told and saved', {}],
    ['an answer that nobody waited for', tell({ text: 'Of wat', terminals: [] })],
    [
      'an answer that broke off',
      { ...tell(broken), ...save(question, interrupted), upstream: [{ query, whole: null }] },
    ],
    ['a question whose connection broke before it was told, saved', tell({ ...refused, status: null })],
    ['one of which nothing is left', { ...tell({ ...refused, status: null }), saved: [], upstream: [] }],
    ['a refused one', { ...tell(refused), saved: [], upstream: [] }],
    ['one told to two connections', tell({}, { text: '', terminals: [] })],
    [
      'one whose process was killed after it had told more than it had saved',
      {
        asked: [
          { ...asked, wasKilled: true, tellings: [{ ...telling, text: 'Of water, m', terminals: [] }] },
        ],
        ...save(question, interrupted),
        upstream: [{ query, whole: null }],
      },
    ],
  ])('%s', (_what, history) => {
    expect(kindsOf(history)).toEqual([]);
  });
});

describe('findViolations, of a history with a contradiction', () => {
  it.each<[string, string, Partial<History>]>([
    ['lost', 'a told turn is not saved', { saved: [] }],
    ['lost', 'its answer is not saved', save(question)],
    ['lost', 'its question is not saved', save(answer)],
    ['doubled', 'a message is saved twice', save(question, answer, answer)],
    ['doubled', 'a question made two turns', save(question, answer, { ...question, turn_id: 'turn-2' })],
    [
      'doubled',
      'two turns were told',
      { ...tell({}, { turnIds: ['turn-2'] }), ...save(question, { ...answer, turn_id: 'turn-2' }) },
    ],
    ['invented', 'a saved question was never asked', save(question, answer, { ...question, query: 'Who?' })],
    ['misattributed', "it is another user's", save(question, { ...answer, user_id: 8 })],
    [
      'stuck',
      'the answer is pending for ever',
      { ...tell({ terminals: [] }), ...save(question, { ...answer, outcome: 'pending' }) },
    ],
    ['text-differs', 'a piece was told twice', tell({ text: 'Of Of water, mostly.' })],
    ['text-differs', 'the end is missing on the screen', tell({ text: 'Of water' })],
    [
      'text-differs',
      'more was told than is saved, and nobody was killed',
      { ...tell({ terminals: [] }), ...save(question, interrupted) },
    ],
    [
      'told-two-ends',
      'two ends were told',
      tell({ terminals: [...telling.terminals, ...telling.terminals] }),
    ],
    [
      'outcome-differs',
      'complete was told, and is not saved',
      save(question, { ...answer, outcome: 'interrupted' }),
    ],
    ['not-complete', 'Dify did not come to the end', { upstream: [{ query, whole: null }] }],
    [
      'not-complete',
      'Dify came to another end',
      { upstream: [{ query, whole: 'Of water, mostly, and salt.' }] },
    ],
    ['not-complete', 'Dify was not asked', { upstream: [] }],
    ['asked-again', 'Dify was asked twice', { upstream: [...good.upstream, { query, whole: null }] }],
    [
      'asked-again',
      'Dify was asked what nobody asked',
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

  it('says where two texts part', () => {
    const [violation] = findViolations({ ...good, ...tell({ text: 'Of water, maybe.' }) });
    expect(violation).toEqual({
      kind: 'text-differs',
      query,
      detail: '16 characters, …"f water, maybe." against 17 characters, …"f water, mostly."',
    });
  });
});
