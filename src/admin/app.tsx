/** The admin panel in English or, for whoever chooses it in their profile, in Chinese. */
export default {
  config: {
    locales: ['zh-Hans'],
  },
};
