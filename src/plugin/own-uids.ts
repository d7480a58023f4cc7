import { chatUids } from '../strapi/entries/chat-entries';

/** The content types of the plugin. */
export const ownUids: ReadonlySet<string> = new Set(['api::ai-character.ai-character', ...chatUids]);
