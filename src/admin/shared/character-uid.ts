/** The content type of characters. The panel cannot import the server's constant. */
export const characterUid = 'api::ai-character.ai-character';
