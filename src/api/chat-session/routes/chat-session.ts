import { factories } from '@strapi/strapi';

export default factories.createCoreRouter('api::chat-session.chat-session');
