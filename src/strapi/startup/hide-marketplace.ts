import type { Core } from '@strapi/strapi';

interface Action {
  readonly uid: string;
  readonly pluginName?: string;
}

interface ActionProvider {
  registerMany(actions: readonly Action[]): Promise<void>;
}

/**
 * Removes the link to Strapi's marketplace from the menu. Strapi has no setting for it. It shows the link to
 * administrators with a right that this function does not let Strapi register. Call it in `register`.
 */
export function hideMarketplace(strapi: Core.Strapi): void {
  const { actionProvider } = strapi.service('admin::permission') as { actionProvider: ActionProvider };
  const registerMany = actionProvider.registerMany.bind(actionProvider);
  actionProvider.registerMany = (actions) =>
    registerMany(
      actions.filter(({ uid, pluginName }) => pluginName !== 'admin' || uid !== 'marketplace.read'),
    );
}
