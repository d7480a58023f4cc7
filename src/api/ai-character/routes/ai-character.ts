import { factories } from '@strapi/strapi';

import type { Operation } from '../../../http/operation';
import { reading } from '../../../http/user-route';
import { characterUid } from '../../../database/characters/uid';

/** Returns a new object for each route, because Strapi writes the route's permission into it. */
const forUsers = (operation: Operation) => ({
  middlewares: reading,
  isForUsers: true,
  tokenScope: 'read',
  operation,
});

/** Parameters that can reach drafts or search every column: see the controller. */
const forbidden = ['_q', 'status', 'publicationFilter', 'hasPublishedVersion'];

export default factories.createCoreRouter(characterUid, {
  config: {
    find: forUsers({
      id: 'listCharacters',
      summary: 'List the published characters',
      description:
        '`filters`, `sort`, `fields`, `populate` and `pagination` have the notation of Strapi. ' +
        'Filters take at most ten conditions on fields of a character. Only `avatar` can be ' +
        'populated. `locale` chooses the texts, not the characters: a character without published texts in ' +
        'it has those of the default locale.',
      forbidden,
      reply: { json: 'CharacterList' },
    }),
    findOne: forUsers({
      id: 'findCharacter',
      summary: 'Read a published character',
      description:
        'By its `id` or `documentId`. Without published texts in `locale`, it has those of the default locale.',
      forbidden,
      reply: { json: 'CharacterResult' },
      statuses: [404],
    }),
  },
});
