import type { Core } from '@strapi/strapi';
import { errors } from '@strapi/utils';
import type { Context } from 'koa';

import { auditOf, conversationsOf } from '../../../app';
import type { NewAuditEntry } from '../../../database/audit/audit';
import type { ConversationSummary } from '../../../database/conversations/summary';
import { streamText } from '../../../http/text-stream';
import { closeSignal } from '../../../middlewares/koasseStream';
import { loginEndOf } from '../../logins/login-end';
import type { AdminRoute, WorkplacePart } from '../part';
import { administratorOf } from './administrator';
import { contentTypes, exportTranscript } from './export';
import { toAuditReply, toConversation, toHit, toLineReply } from './reply';
import {
  parseAuditRequest,
  parseExportRequest,
  parseLinesRequest,
  parseListRequest,
  toListCursor,
} from './request';

const pageSize = 25;
/** Lines of a transcript in one reply. */
const linesAtOnce = 50;
const auditPageSize = 50;

const readChats = 'chats.read';
const readAudit = 'chat-audit.read';

/**
 * The page that shows administrators the conversations of all users. It needs the right to read users' chats, which
 * `rights/chat-reading.ts` registers. The server writes the audit log before it reads, so that nothing is read without
 * an entry.
 */
export const conversations: WorkplacePart = {
  rights: [{ uid: readAudit, displayName: "Read who has read users' chats", subCategory: 'chats' }],
  routes: (strapi) => [
    get('/conversations', readChats, (ctx) => list(strapi, ctx)),
    get('/conversations/:sessionId', readChats, (ctx) => open(strapi, ctx)),
    get('/conversations/:sessionId/export', readChats, (ctx) => exportOne(strapi, ctx)),
    get('/conversation-characters', readChats, async () => ({
      data: await conversationsOf(strapi).listCharacters(),
    })),
    get('/chat-audit', readAudit, (ctx) => listAudit(strapi, ctx)),
  ],
};

const get = (path: string, right: string, handler: AdminRoute['handler']): AdminRoute => ({
  method: 'GET',
  path,
  right,
  handler: async (ctx) => {
    ctx.set('Cache-Control', 'no-store');
    return handler(ctx);
  },
});

async function list(strapi: Core.Strapi, ctx: Context) {
  const request = parseListRequest(strapi, ctx.query);
  const reading = { adminId: administratorOf(ctx).adminId, signal: closeSignal(ctx) };
  if (request.text !== undefined) return search(strapi, ctx, { ...request, text: request.text });
  const { filter, after } = request;
  const found = await conversationsOf(strapi).list({ ...reading, filter, after, limit: pageSize + 1 });
  const page = found.slice(0, pageSize);
  const last = page.at(-1);
  const nextCursor = found.length > pageSize && last !== undefined ? toListCursor(last) : null;
  return { data: page.map(toConversation), nextCursor };
}

async function search(
  strapi: Core.Strapi,
  ctx: Context,
  { filter, text, before, isFirstPage, names }: ReturnType<typeof parseListRequest> & { text: string },
) {
  const administrator = administratorOf(ctx);
  const entry = { ...administrator, action: 'search', detail: names } as const;
  await noteReading(strapi, entry, isFirstPage);
  const { hits, next } = await conversationsOf(strapi).search({
    adminId: administrator.adminId,
    signal: closeSignal(ctx),
    filter,
    text,
    before,
    limit: pageSize,
  });
  return { data: hits.map((hit) => toHit(hit, text)), nextCursor: next === null ? null : String(next) };
}

async function open(strapi: Core.Strapi, ctx: Context) {
  const { after } = parseLinesRequest(ctx.query);
  const session = await find(strapi, ctx);
  const administrator = administratorOf(ctx);
  await noteReading(strapi, { ...administrator, action: 'open', ...namesOf(session) }, after === 0);
  const lines = await conversationsOf(strapi).listLines(
    session.rowId,
    { id: after, limit: linesAtOnce + 1 },
    { adminId: administrator.adminId, signal: closeSignal(ctx) },
  );
  const page = lines.slice(0, linesAtOnce);
  const nextAfter = lines.length > linesAtOnce ? (page.at(-1)?.id ?? null) : null;
  return { data: { session: toConversation(session), messages: page.map(toLineReply) }, nextAfter };
}

async function exportOne(strapi: Core.Strapi, ctx: Context): Promise<void> {
  const { format } = parseExportRequest(ctx.query);
  const session = await find(strapi, ctx);
  const administrator = administratorOf(ctx);
  const entry = { ...administrator, action: 'export', ...namesOf(session), detail: format } as const;
  await auditOf(strapi).note(entry);
  const reading = { adminId: administrator.adminId, signal: closeSignal(ctx) };
  const pieces = exportTranscript(format, session, (after) =>
    conversationsOf(strapi).listLines(session.rowId, after, reading),
  );
  ctx.attachment(`conversation-${session.sessionId}.${format}`);
  const streamed = { type: contentTypes[format], log: strapi.log, loginEnd: loginEndOf(strapi, ctx) };
  await streamText(ctx, streamed, pieces);
}

async function listAudit(strapi: Core.Strapi, ctx: Context) {
  const { before } = parseAuditRequest(ctx.query);
  const found = await auditOf(strapi).list(before, auditPageSize + 1);
  const page = found.slice(0, auditPageSize);
  const nextBefore = found.length > auditPageSize ? (page.at(-1)?.id ?? null) : null;
  return { data: page.map(toAuditReply), nextBefore };
}

/** @throws NotFoundError also for a session that its user has deleted. */
async function find(strapi: Core.Strapi, ctx: Context): Promise<ConversationSummary> {
  const { sessionId } = ctx.params as { readonly sessionId: string };
  const session = await conversationsOf(strapi).find(sessionId);
  if (session === null) throw new errors.NotFoundError('This conversation does not exist.');
  return session;
}

const namesOf = ({ sessionId, user }: ConversationSummary) => ({
  sessionId,
  userId: user?.id ?? null,
  userDocumentId: user?.documentId ?? null,
});

/** The first page of a reading always gets an entry, and later pages do if the log has none of the last hour. */
async function noteReading(strapi: Core.Strapi, entry: NewAuditEntry, isFirstPage: boolean): Promise<void> {
  const log = auditOf(strapi);
  await (isFirstPage ? log.note(entry) : log.noteOnce(entry));
}
