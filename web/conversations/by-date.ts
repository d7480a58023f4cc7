import type { Session } from 'character-chat-client';

export const ages = ['today', 'yesterday', 'lastWeek', 'lastMonth', 'older'] as const;
export type Age = (typeof ages)[number];

const dayMs = 24 * 60 * 60 * 1000;

/** Groups conversations by the day of their last message, in local time. Empty groups are left out. */
export function groupByAge<T extends Pick<Session, 'last_message_at'>>(
  sessions: readonly T[],
  now = new Date(),
): readonly { readonly age: Age; readonly sessions: readonly T[] }[] {
  const midnight = new Date(now.getFullYear(), now.getMonth(), now.getDate()).getTime();
  return ages
    .map((age) => ({ age, sessions: sessions.filter((session) => ageOf(session, midnight) === age) }))
    .filter((group) => group.sessions.length > 0);
}

function ageOf({ last_message_at }: Pick<Session, 'last_message_at'>, midnight: number): Age {
  const time = new Date(last_message_at).getTime();
  if (time >= midnight) return 'today';
  if (time >= midnight - dayMs) return 'yesterday';
  if (time >= midnight - 7 * dayMs) return 'lastWeek';
  return time >= midnight - 30 * dayMs ? 'lastMonth' : 'older';
}
