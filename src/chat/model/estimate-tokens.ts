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
