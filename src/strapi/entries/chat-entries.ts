import type { Core } from '@strapi/strapi';

/** The content types of chat entries. */
export const chatUids: ReadonlySet<string> = new Set([
  'api::chat-conversation.chat-conversation',
  'api::chat-session.chat-session',
]);

/** The Content Manager's actions that write an entry. Reading and deleting stay possible. */
const writingActions: ReadonlySet<string> = new Set([
  'explorer.create',
  'explorer.update',
  'explorer.publish',
]);

interface Action {
  readonly uid: string;
  readonly pluginName?: string;
  readonly subjects?: readonly string[];
}

interface ActionProvider {
  registerMany(actions: readonly Action[]): Promise<void>;
}

/**
 * What was said is not edited in the admin panel: nobody there, Super Admin included, can be given the right to create
 * or change a chat entry. The Content Manager registers its rights, each with the types it is for, while it starts; so
 * the types are taken out as they pass by. (API tokens go by the content API and keep the rights their token has.)
 */
export function keepForReading(strapi: Core.Strapi): void {
  const { actionProvider } = strapi.service('admin::permission') as { actionProvider: ActionProvider };
  const registerMany = actionProvider.registerMany.bind(actionProvider);
  actionProvider.registerMany = (actions) => registerMany(actions.map(withoutChatSubjects));
}

function withoutChatSubjects(action: Action): Action {
  const isWriting = action.pluginName === 'content-manager' && writingActions.has(action.uid);
  if (!isWriting || action.subjects === undefined) return action;
  return { ...action, subjects: action.subjects.filter((uid) => !chatUids.has(uid)) };
}

/**
 * Chat entries link to the draft row of their character, but Strapi shows, of types without drafts, only relations to
 * published rows: an editor's list would have no character in any line. Only the admin panel is meant by this: whatever
 * an API token or a role is allowed to populate, it sees no draft.
 */
export function showLinkedCharacters(strapi: Core.Strapi): void {
  strapi.documents.use((context, next) => {
    if (chatUids.has(context.uid) && context.action.startsWith('find') && isAdminPanel(strapi)) {
      Object.assign(context.params, { status: 'draft' });
    }
    return next();
  });
}

function isAdminPanel(strapi: Core.Strapi): boolean {
  const state = strapi.requestContext.get()?.state as { auth?: { strategy?: { name?: string } } } | undefined;
  return state?.auth?.strategy?.name === 'admin';
}
