module.exports = {
  // A benchmark logs many in from one address.
  'users-permissions': { config: { ratelimit: { enabled: false } } },
};
