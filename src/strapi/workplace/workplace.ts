import type { Core } from '@strapi/strapi';

import { addAssistantTools } from './assistant/assistant';
import { conversations } from './conversations/conversations';
import { speakChinese } from './errors/speak-chinese';
import { registerCustomFields } from './form/custom-fields';
import { formPart } from './form/part';
import type { AdminRoute, WorkplacePart } from './part';
import { trials } from './trials/part';
import { usage } from './usage/part';
import { versions } from './versions/part';

const parts: readonly WorkplacePart[] = [formPart, trials, versions, conversations, usage];

/** The rights of the workplace, as Strapi names them. */
export const workplaceActions = parts.flatMap(({ rights }) => rights.map(({ uid }) => `api::${uid}`));

/** The part of Strapi's permission service that this file uses. */
interface PermissionService {
  readonly actionProvider: { registerMany(actions: readonly object[]): Promise<void> };
}

/**
 * Adds the rights, the admin routes, the tools and the languages of the editors' workplace. The caller must await this before Strapi bootstraps,
 * because the bootstrap drops unknown rights.
 */
export async function addWorkplace(strapi: Core.Strapi): Promise<void> {
  registerCustomFields(strapi);
  addAssistantTools(strapi);
  speakChinese(strapi);
  const permissions = strapi.service('admin::permission') as PermissionService;
  const rights = parts.flatMap((part) => part.rights);
  await permissions.actionProvider.registerMany(
    rights.map((right) => ({ ...right, section: 'settings', category: 'chat' })),
  );
  strapi.server.routes({
    type: 'admin',
    prefix: '/admin/character-chat',
    routes: parts.flatMap((part) => part.routes(strapi)).map(toStrapiRoute),
  });
}

function toStrapiRoute({ right, ...route }: AdminRoute) {
  return {
    ...route,
    config: {
      policies: [
        'admin::isAuthenticatedAdmin',
        ...(right === undefined
          ? []
          : [
              {
                name: 'admin::hasPermissions',
                config: { actions: [typeof right === 'string' ? `api::${right}` : right] },
              },
            ]),
      ],
    },
    info: { type: 'admin' as const },
  };
}
