/** Nothing that bounds a user may end what a fault is to end. */
export const withoutLimits = {
  CHAT_MAX_TURNS_AT_ONCE: '1000000',
  CHAT_TURNS_PER_MINUTE: '1000000',
  CHAT_TOKENS_PER_DAY: '1000000000',
  CHAT_MAX_LIVE_TURNS: '1000000',
};
