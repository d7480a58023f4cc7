import { factories } from '@strapi/strapi';

export default factories.createCoreService('api::ai-character.ai-character');
