import { factories } from '@strapi/strapi';

export default factories.createCoreRouter('api::ai-character.ai-character');
