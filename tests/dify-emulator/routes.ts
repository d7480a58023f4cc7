import { getInfo, getMeta, getParameters } from './app-info';
import type { Call, UserRule } from './call';
import { postChatMessage, postStop } from './chat-messages';
import { isConsoleChatPost } from './console/routes';
import { deleteConversation, getConversations, renameConversation } from './conversations';
import { methodNotAllowed } from './errors';
import { postFile } from './files';
import { getMessages, getSuggested, postFeedback } from './messages';
import type { HttpAnswer } from './wire';

export type Route = {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Has at most one group, which captures an id. */
  readonly path: RegExp;
  readonly user: UserRule;
  /** The body is a form with a file. */
  readonly takesForm?: true;
  /** Returns the response, or sends it itself. */
  readonly handle: (call: Call) => HttpAnswer | Promise<void>;
};

const uuid = '([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})';
const at = (path: string): RegExp => new RegExp(`^/v1${path}$`, 'u');

const routes: readonly Route[] = [
  { method: 'POST', path: at('/chat-messages'), user: 'required', handle: postChatMessage },
  { method: 'POST', path: at('/chat-messages/([^/]+)/stop'), user: 'required', handle: postStop },
  { method: 'GET', path: at('/messages'), user: 'optional', handle: getMessages },
  { method: 'POST', path: at(`/messages/${uuid}/feedbacks`), user: 'required', handle: postFeedback },
  { method: 'GET', path: at(`/messages/${uuid}/suggested`), user: 'required', handle: getSuggested },
  { method: 'GET', path: at('/conversations'), user: 'optional', handle: getConversations },
  { method: 'DELETE', path: at(`/conversations/${uuid}`), user: 'optional', handle: deleteConversation },
  { method: 'POST', path: at(`/conversations/${uuid}/name`), user: 'optional', handle: renameConversation },
  { method: 'POST', path: at('/files/upload'), user: 'optional', takesForm: true, handle: postFile },
  { method: 'GET', path: at('/parameters'), user: 'none', handle: getParameters },
  { method: 'GET', path: at('/info'), user: 'none', handle: getInfo },
  { method: 'GET', path: at('/meta'), user: 'none', handle: getMeta },
];

/** Returns undefined for a path that no route has. */
export function findRoute(
  method: string,
  pathname: string,
): { readonly route: Route; readonly pathId: string } | undefined {
  const matching = routes.filter(({ path }) => path.test(pathname));
  const route = matching.find((candidate) => candidate.method === method);
  if (route) return { route, pathId: route.path.exec(pathname)?.[1] ?? '' };
  if (matching.length > 0) {
    throw methodNotAllowed(matching.map((candidate) => candidate.method));
  }
  return undefined;
}

export function isChatPost(method: string, pathname: string): boolean {
  return (method === 'POST' && pathname === '/v1/chat-messages') || isConsoleChatPost(method, pathname);
}
