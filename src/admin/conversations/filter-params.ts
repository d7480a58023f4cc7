/** The filters of the page, as its address holds them. */
export const filterNames = ['q', 'character', 'user', 'from', 'to', 'outcome', 'rating'] as const;

export type FilterName = (typeof filterNames)[number];

const api = '/admin/character-chat/conversations';

/** Returns the address of the list on the server. Days are those of the administrator's time zone. */
export function toListPath(filters: URLSearchParams): string {
  const query = new URLSearchParams();
  for (const name of ['q', 'character', 'user', 'outcome', 'rating'] as const) {
    const value = filters.get(name);
    if (value) query.set(name, value);
  }
  const from = toDay(filters.get('from'));
  const to = toDay(filters.get('to'));
  if (from !== undefined) query.set('from', from.toISOString());
  if (to !== undefined) {
    to.setDate(to.getDate() + 1);
    query.set('before', to.toISOString());
  }
  return `${api}?${query.toString()}`;
}

export const toTranscriptPath = (sessionId: string) => `${api}/${encodeURIComponent(sessionId)}`;

/** Reads `2026-01-31` as the start of that day. */
export function toDay(text: string | null): Date | undefined {
  const [year, month, day] = (/^(\d{4})-(\d\d)-(\d\d)$/u.exec(text ?? '') ?? []).slice(1).map(Number);
  return year === undefined || month === undefined ? undefined : new Date(year, month - 1, day);
}

export function fromDay(date: Date): string {
  const two = (number: number) => String(number).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** Returns the part of an address that keeps the filters. */
export function toSearch(filters: URLSearchParams): string {
  const text = filters.toString();
  return text === '' ? '' : `?${text}`;
}
