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
 * Prevents that administrators edit chats. No role, not even Super Admin, can get the permission to create or change a
 * chat entry there. The Content Manager registers its permissions with their content types while it starts. This
 * function removes the chat types from them. API tokens use the content API and keep their permissions.
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
 * Shows the characters of chat entries in the admin panel. Chat entries link to the draft row of their character. For
 * types without drafts, Strapi shows only relations to published rows, so an editor's list would show no character.
 * This changes only the admin panel: API tokens and roles never see a draft.
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
