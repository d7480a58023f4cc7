import { ChatError, type ChatErrorCode } from '../../chat';

/** Runs `work`. Ignores that its thing does not exist: Dify replies to some requests with success then. */
export async function unlessMissing(code: ChatErrorCode, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof ChatError) || error.code !== code) throw error;
  }
}
