import { ChatError } from '../../chat/errors';
import { estimateTokens } from '../../chat/model/estimate-tokens';
import type { QuestionFile } from '../../chat/model/file';
import type { Exchange, UpstreamQuestion } from '../../chat/ports/upstream';

export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string | readonly ContentPart[];
}

type ContentPart =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'image_url'; readonly image_url: { readonly url: string } };

type Asked = Pick<UpstreamQuestion, 'prompt' | 'query' | 'earlier' | 'files' | 'readFile'>;

/**
 * Returns the messages for a question: the prompt, earlier exchanges from old to new, and the question.
 * The images of the question go with it. Those of earlier questions do not.
 * @throws ChatError `invalid-request` if the server no longer has an image. Also throws the errors of `earlier`.
 */
export async function toMessages(
  { prompt, query, earlier, files = [], readFile }: Asked,
  historyTokens: number,
): Promise<readonly ChatMessage[]> {
  const exchanges = earlier === undefined ? [] : await takeNewest(earlier(), historyTokens);
  return [
    { role: 'system', content: prompt },
    ...exchanges.reverse().flatMap(({ question, answer }): ChatMessage[] => [
      { role: 'user', content: question },
      { role: 'assistant', content: answer },
    ]),
    { role: 'user', content: files.length === 0 ? query : await withImages(query, files, readFile) },
  ];
}

async function withImages(
  query: string,
  files: readonly QuestionFile[],
  readFile: Asked['readFile'],
): Promise<readonly ContentPart[]> {
  const images = files.map(async (file): Promise<ContentPart> => {
    const url = file.transfer_method === 'remote_url' ? file.url : await readData(file.upload_file_id);
    return { type: 'image_url', image_url: { url } };
  });
  return [{ type: 'text', text: query }, ...(await Promise.all(images))];

  /** @returns the image as a `data:` address. */
  async function readData(id: string): Promise<string> {
    const kept = await readFile?.(id);
    if (kept) return `data:${kept.mimeType};base64,${kept.base64}`;
    const sentence = 'A file of this question is no longer there. Upload it again.';
    throw new ChatError('invalid-request', { sentence, details: { upload_file_id: id } });
  }
}

/** Takes exchanges from new to old until the next one exceeds the budget. */
async function takeNewest(earlier: AsyncIterable<Exchange>, historyTokens: number): Promise<Exchange[]> {
  const taken: Exchange[] = [];
  let left = historyTokens;
  if (left <= 0) return taken;
  for await (const exchange of earlier) {
    // Some models refuse two questions in a row.
    if (exchange.question === '' || exchange.answer === '') continue;
    left -= estimateTokens(exchange.question) + estimateTokens(exchange.answer);
    if (left < 0) break;
    taken.push(exchange);
  }
  return taken;
}
