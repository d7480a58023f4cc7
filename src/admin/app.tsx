import { bootstrapWorkplace, registerWorkplace, translations } from './workplace';

/** The admin panel in English or, for whoever chooses it in their profile, in Chinese. */
export default {
  config: {
    locales: ['zh-Hans'],
    translations,
    // Strapi's own notices: new releases and tutorials.
    notifications: { releases: false },
    tutorials: false,
  },
  register: registerWorkplace,
  bootstrap: bootstrapWorkplace,
};
