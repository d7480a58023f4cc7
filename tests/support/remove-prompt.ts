import type { App } from './app';

/** Leaves a published character without a prompt, as earlier releases allowed. The server must not have cached it. */
export async function removePrompt(
  { db }: Pick<App, 'db'>,
  documentId: string,
  prompt: string | null = null,
): Promise<void> {
  await db('ai_characters').where({ document_id: documentId }).update({ prompt });
}
