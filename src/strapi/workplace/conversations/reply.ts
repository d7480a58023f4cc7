import { highlight } from '../../../chat';
import type { AuditEntry } from '../../../database/audit/audit';
import type { Hit } from '../../../database/conversations/conversations';
import type { ConversationSummary } from '../../../database/conversations/summary';
import type { TranscriptLine } from '../../../database/conversations/transcript';

/** Shapes of the replies to the admin panel. `src/admin/conversations/types.ts` has the same. */

export function toConversation({ rowId: _rowId, sessionId, ...rest }: ConversationSummary) {
  return { sessionId, ...rest };
}

/** @param text what the administrator searches for. */
export function toHit({ messageId: _messageId, text: content, ...summary }: Hit, text: string) {
  return { ...toConversation(summary), excerpt: highlight(content, text) };
}

/** Leaves out ids and addresses of files, because a stored address can contain a signature. */
export function toLineReply({ files, usage, ...line }: TranscriptLine) {
  return { ...line, files: files.map(nameOf), usage: usageOf(usage) };
}

/** Entries of the log have no words of users. */
export const toAuditReply = (entry: AuditEntry) => entry;

/** Returns the name of a file if its address has one, or else its type. */
function nameOf({ type, url }: Readonly<Record<string, unknown>>): string {
  const kind = typeof type === 'string' ? type : 'file';
  if (typeof url !== 'string' || !URL.canParse(url)) return kind;
  const name = new URL(url).pathname.split('/').at(-1) ?? '';
  return name === '' ? kind : decode(name);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function usageOf(usage: TranscriptLine['usage']) {
  if (usage === null) return null;
  return {
    promptTokens: numberOf(usage['prompt_tokens']),
    completionTokens: numberOf(usage['completion_tokens']),
    totalTokens: numberOf(usage['total_tokens']),
    price: textOf(usage['total_price']),
    currency: textOf(usage['currency']),
    seconds: numberOf(usage['latency']),
  };
}

type Amount = string | number | null | undefined;

const numberOf = (amount: Amount): number | null =>
  amount === null || amount === undefined || Number.isNaN(Number(amount)) ? null : Number(amount);
const textOf = (amount: Amount): string | null =>
  amount === null || amount === undefined ? null : String(amount);
