/** The content type of characters. */
export const characterUid = 'api::ai-character.ai-character';
