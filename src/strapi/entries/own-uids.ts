import { chatUids } from './chat-entries';
import { characterUid } from '../../database/characters/uid';

/** The content types of the product. */
export const ownUids: ReadonlySet<string> = new Set([characterUid, ...chatUids]);
