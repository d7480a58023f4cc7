/** An erasure takes as long as an export. */
const reading = { middlewares: ['global::reads'] };

export default {
  routes: [
    { method: 'GET', path: '/chat/ready', handler: 'chat.ready', config: { auth: false } },
    { method: 'GET', path: '/chat/metrics', handler: 'chat.metrics', config: { auth: false } },
    { method: 'GET', path: '/chat/search', handler: 'chat.search', config: reading },
    { method: 'GET', path: '/chat/export', handler: 'chat.exportOwn', config: reading },
    { method: 'DELETE', path: '/chat/me', handler: 'chat.eraseOwn', config: reading },
  ],
};
