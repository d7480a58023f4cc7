import { chatUids } from './chat-entries';

/** The content types of the product. */
export const ownUids: ReadonlySet<string> = new Set(['api::ai-character.ai-character', ...chatUids]);
