export default {
  routes: [
    { method: 'GET', path: '/chat/ready', handler: 'chat.ready', config: { auth: false } },
    { method: 'GET', path: '/chat/metrics', handler: 'chat.metrics', config: { auth: false } },
    { method: 'GET', path: '/chat/search', handler: 'chat.search' },
    { method: 'GET', path: '/chat/export', handler: 'chat.exportOwn' },
    { method: 'DELETE', path: '/chat/me', handler: 'chat.eraseOwn' },
  ],
};
