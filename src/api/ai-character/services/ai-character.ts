import { factories } from '@strapi/strapi';
import { characterUid } from '../../../database/characters/uid';

export default factories.createCoreService(characterUid);
