import { z } from 'zod';

import { listLimit, parse, wholeNumber } from '../../chat/contract/invalid-request';
import { toStorableText } from '../../chat/shared/storable-text';
import { addDays, countDays, createCalendar, type Day } from '../calendar';
import type { HistoryPage, Position } from '../model/store';

/** Parses requests to the history. Every function throws ChatError `invalid-request`, which names the parameter. */

const maxLimit = 100;
/** Clients that want more use cursors, which cost the same on every page. */
const maxOffset = 10_000;
export const maxDays = 366;
export const defaultDays = 30;

const position = z
  .string('must be a value of next_cursor')
  .transform(toPosition)
  .optional()
  .describe('A `next_cursor`. Cursors show nothing twice and cost the same on every page.');

export const conversationPageParameters = z
  .object({
    limit: listLimit(maxLimit).default(20).describe('More than 100 counts as 100.'),
    offset: wholeNumber(0, maxOffset).optional().describe('The number to skip. Not with `cursor`.'),
    cursor: position,
  })
  .refine(({ offset, cursor }) => offset === undefined || cursor === undefined, {
    path: ['cursor'],
    error: 'cannot be combined with offset',
  });

/** Parses `limit?`, and `offset?` or `cursor?`. */
export function parseConversationPage(query: unknown): HistoryPage {
  const { limit, offset = 0, cursor } = parse(conversationPageParameters, query ?? {});
  return { limit, offset, after: cursor ?? null };
}

export const messagePageParameters = z.object({
  limit: listLimit(maxLimit).default(50).describe('In messages. More than 100 counts as 100.'),
  cursor: position,
});

/** Parses `limit?` and `cursor?`. */
export function parseMessagePage(query: unknown): HistoryPage {
  const { limit, cursor } = parse(messagePageParameters, query ?? {});
  return { limit, offset: 0, after: cursor ?? null };
}

/** Whose history: that of all users, or of one user, by current row id, by documentId, or by both. */
export type Whose = 'everybody' | UserReference;

export interface UserReference {
  readonly id?: number;
  readonly documentId?: string;
}

const userId = z
  .union([z.string(), z.number()], 'must be the id or documentId of a user')
  .transform((given, context): UserReference => {
    const text = String(given);
    if (/^[1-9]\d{0,9}$/u.test(text) && Number(text) <= 2_147_483_647) return { id: Number(text) };
    if (/^[a-z][a-z0-9]{23}$/u.test(text)) return { documentId: text };
    context.addIssue({ code: 'custom', message: 'must be the id or documentId of a user' });
    return z.NEVER;
  });

const whose = z.object({ user_id: userId.optional() });

/** Parses `user_id?` of an administrator's request. Without it, the request is about all users. */
export function parseWhose(query: unknown): Whose {
  return parse(whose, query ?? {}).user_id ?? 'everybody';
}

export interface StatisticsRequest {
  readonly timeZone: string;
  readonly days: readonly Day[];
}

export const date = z
  .string('must be a date, e.g. 2026-01-31')
  .refine(
    (text) => /^(19[7-9]|2\d\d)\d-\d\d-\d\d$/u.test(text) && addDaysSafely(text) === text,
    'must be a date, e.g. 2026-01-31',
  )
  .optional();

export const statisticsParameters = z.object({
  from: date.describe('The first day, e.g. `2026-01-31`. Default: the 29th day before `to`.'),
  to: date.describe('The last day, included: at most 366 days in all. Default: today.'),
  time_zone: z
    .string('must be the name of a time zone')
    .default('UTC')
    .describe('The IANA name of the time zone of the days, e.g. `Europe/Berlin`.'),
});

/** Parses `from?` and `to?`: dates in `time_zone?`, both included. The default is the last thirty days up to today. */
export function parseStatisticsRequest(query: unknown, nowMs: number): StatisticsRequest {
  const schema = statisticsParameters.transform(({ from: first, to: last, time_zone: timeZone }, context) => {
    const refuse = (parameter: string, message: string) => {
      context.addIssue({ code: 'custom', path: [parameter], message });
      return z.NEVER;
    };
    const calendar = createCalendar(timeZone);
    if (calendar === undefined) return refuse('time_zone', 'must be an IANA name, e.g. Asia/Shanghai');
    const to = last ?? calendar.dateAt(nowMs);
    const from = first ?? addDays(to, 1 - defaultDays);
    const count = countDays(from, to);
    if (count < 1) return refuse('from', 'must not be after to');
    if (count > maxDays) return refuse('from', `can be at most ${maxDays} days before the end of to`);
    return { timeZone, days: calendar.days(from, to) };
  });
  return parse(schema, query ?? {});
}

/** Returns null for an invalid date, e.g. 2026-02-30. */
function addDaysSafely(text: string): string | null {
  return Number.isNaN(Date.parse(text)) ? null : addDays(text, 0);
}

export function encodePosition({ timeMs, id }: Position): string {
  return Buffer.from(`${timeMs}.${id}`).toString('base64url');
}

function toPosition(cursor: string, context: z.core.$RefinementCtx): Position {
  const text = Buffer.from(cursor.slice(0, 2_000), 'base64url').toString('utf8');
  const [, time, id] = /^(\d{1,15})\.(.{1,255})$/su.exec(text) ?? [];
  if (id === undefined) {
    context.addIssue({ code: 'custom', message: 'must be a value of next_cursor' });
    return z.NEVER;
  }
  return { timeMs: Number(time), id: toStorableText(id) };
}
