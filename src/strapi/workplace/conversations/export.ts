import { walk, type After } from '../../../chat';
import type { ConversationSummary } from '../../../database/conversations/summary';
import type { TranscriptLine } from '../../../database/conversations/transcript';
import { toConversation, toLineReply } from './reply';
import type { exportFormats } from './request';

export type ExportFormat = (typeof exportFormats)[number];

export const contentTypes: Readonly<Record<ExportFormat, string>> = {
  json: 'application/json; charset=utf-8',
  csv: 'text/csv; charset=utf-8',
  md: 'text/markdown; charset=utf-8',
};

type ReadLines = (after: After) => Promise<readonly TranscriptLine[]>;
type Line = ReturnType<typeof toLineReply>;

interface Writer {
  readonly head: string;
  readonly between: string;
  readonly end: string;
  line(line: Line): string;
}

/** Ids of rows begin at 1. */
const start: After = { id: 0, limit: Number.MAX_SAFE_INTEGER };

/** Yields a transcript of any length. It reads a page only when the client has read the one before. */
export async function* exportTranscript(
  format: ExportFormat,
  session: ConversationSummary,
  read: ReadLines,
): AsyncGenerator<string, void> {
  const { head, between, end, line } = writers[format](session);
  yield head;
  let isFirst = true;
  for await (const page of walk(read, start, charsOf)) {
    const lines = page.map((one) => line(toLineReply(one)));
    yield (isFirst ? '' : between) + lines.join(between);
    isFirst = false;
  }
  yield end;
}

const charsOf = ({ text, errorDetail }: TranscriptLine): number => text.length + (errorDetail?.length ?? 0);

const writers: Readonly<Record<ExportFormat, (session: ConversationSummary) => Writer>> = {
  json: (session) => ({
    head: `{"session":${JSON.stringify(toConversation(session))},"messages":[`,
    between: ',\n',
    end: ']}\n',
    line: (line) => JSON.stringify(line),
  }),
  csv: () => ({
    // Excel reads UTF-8 only after this mark.
    head: `\uFEFF${columns.map(([title]) => title).join(',')}\r\n`,
    between: '',
    end: '',
    line: (line) => `${columns.map(([, cell]) => toCell(cell(line))).join(',')}\r\n`,
  }),
  md: ({ title, sessionId, user, character }) => ({
    head: `${[
      `# ${title || sessionId}`,
      `- Session: ${sessionId}`,
      `- User: ${user?.username ?? ''}`,
      `- Character: ${character?.name ?? character?.documentId ?? ''}`,
    ].join('\n')}\n\n`,
    between: '\n',
    end: '',
    line: toMarkdown,
  }),
};

type Cell = string | number | boolean | null;

const columns: readonly (readonly [title: string, cell: (line: Line) => Cell])[] = [
  ['time', ({ createdAt }) => createdAt.toISOString()],
  ['role', ({ role }) => role],
  ['text', ({ text }) => text],
  ['outcome', ({ outcome }) => outcome],
  ['error_code', ({ errorCode }) => errorCode],
  ['error_detail', ({ errorDetail }) => errorDetail],
  ['tokens', ({ usage }) => usage?.totalTokens ?? null],
  ['price', ({ usage }) => usage?.price ?? null],
  ['currency', ({ usage }) => usage?.currency ?? null],
  ['model', ({ model }) => model],
  ['rating', ({ rating }) => rating],
  ['superseded', ({ isSuperseded }) => isSuperseded],
  ['files', ({ files }) => files.join('; ')],
  ['message_id', ({ messageId }) => messageId],
];

/** Returns a cell of RFC 4180. A spreadsheet would run a text that begins like a formula, so such a text gets a `'`. */
function toCell(cell: Cell): string {
  if (cell === null) return '';
  const text = typeof cell === 'string' && /^[=+\-@\t\r]/u.test(cell) ? `'${cell}` : String(cell);
  return /[",\r\n]/u.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Quotes the text, so that a heading inside it is no heading of the transcript. */
function toMarkdown(line: Line): string {
  const { role, text, createdAt, outcome, errorCode, errorDetail, rating, isSuperseded, files } = line;
  const facts = [
    outcome !== null && outcome !== 'completed' && outcome,
    errorCode,
    rating,
    isSuperseded && 'superseded',
    ...files,
  ].filter((fact) => typeof fact === 'string');
  const quoted = (some: string) => some.split(/\r?\n/u).map((one) => `> ${one}`);
  const lines = [`## ${role}, ${createdAt.toISOString()}`, '', ...quoted(text), ''];
  if (facts.length > 0) lines.push(`*${facts.join(', ')}*`, '');
  if (errorDetail !== null) lines.push(...quoted(errorDetail), '');
  return lines.join('\n');
}
