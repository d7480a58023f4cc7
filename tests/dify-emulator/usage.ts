/** Tokens and prices of a reply. Prices are decimal strings. */
export type Usage = {
  readonly prompt_tokens: number;
  readonly prompt_unit_price: string;
  readonly prompt_price_unit: string;
  readonly prompt_price: string;
  readonly completion_tokens: number;
  readonly completion_unit_price: string;
  readonly completion_price_unit: string;
  readonly completion_price: string;
  readonly total_tokens: number;
  readonly total_price: string;
  readonly currency: string;
  /** In seconds. */
  readonly latency: number;
};

const promptUnitPrice = 0.001;
const completionUnitPrice = 0.002;
const priceUnit = 0.001;

export function computeUsage(of: { prompt: string; answer: string; latencyMs: number }): Usage {
  const promptTokens = countTokens(of.prompt);
  const completionTokens = countTokens(of.answer);
  const promptPrice = promptTokens * promptUnitPrice * priceUnit;
  const completionPrice = completionTokens * completionUnitPrice * priceUnit;
  return {
    prompt_tokens: promptTokens,
    prompt_unit_price: String(promptUnitPrice),
    prompt_price_unit: String(priceUnit),
    prompt_price: promptPrice.toFixed(7),
    completion_tokens: completionTokens,
    completion_unit_price: String(completionUnitPrice),
    completion_price_unit: String(priceUnit),
    completion_price: completionPrice.toFixed(7),
    total_tokens: promptTokens + completionTokens,
    total_price: (promptPrice + completionPrice).toFixed(7),
    currency: 'USD',
    latency: of.latencyMs / 1000,
  };
}

/** Counts a CJK character as one token, and four other characters as one token. */
export function countTokens(text: string): number {
  const cjk =
    text.match(/[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/gu)?.length ?? 0;
  return cjk + Math.ceil(([...text].length - cjk) / 4);
}
