import type { Exchange, UpstreamQuestion } from '../../chat/ports/upstream';

export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

/**
 * Returns the messages for a question: the prompt, earlier exchanges from old to new, and the question.
 * @throws the errors of `earlier`.
 */
export async function toMessages(
  { prompt, query, earlier }: Pick<UpstreamQuestion, 'prompt' | 'query' | 'earlier'>,
  historyTokens: number,
): Promise<readonly ChatMessage[]> {
  const exchanges = earlier === undefined ? [] : await takeNewest(earlier(), historyTokens);
  return [
    { role: 'system', content: prompt },
    ...exchanges.reverse().flatMap(({ question, answer }): ChatMessage[] => [
      { role: 'user', content: question },
      { role: 'assistant', content: answer },
    ]),
    { role: 'user', content: query },
  ];
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

const bytesPerToken = 3;
/** The role and the marks around a message. */
const tokensPerMessage = 4;

/**
 * Estimates the tokens of a message. Every model counts differently. This counts a token for each three bytes of UTF-8:
 * three letters of English, or one Chinese character. Most models need fewer.
 */
export function estimateTokens(content: string): number {
  return tokensPerMessage + Math.ceil(Buffer.byteLength(content) / bytesPerToken);
}
