/** Removes limits per user: few test users ask far more questions than people would. */
export const withoutLimits = {
  CHAT_MAX_TURNS_AT_ONCE: '0',
  CHAT_TURNS_PER_MINUTE: '0',
  CHAT_TOKENS_PER_DAY: '0',
  CHAT_WRITES_PER_MINUTE: '0',
  CHAT_STORED_CHARS_PER_DAY: '0',
  CHAT_MAX_LIVE_TURNS: '100000',
};
