import { reading, userRoute } from '../../../http/user-route';

export default {
  routes: [
    { method: 'GET', path: '/chat/ready', handler: 'chat.ready', config: { auth: false } },
    { method: 'GET', path: '/chat/metrics', handler: 'chat.metrics', config: { auth: false } },
    userRoute('GET', '/chat/search', 'chat.search', reading),
    userRoute('GET', '/chat/export', 'chat.exportOwn', reading),
    // An erasure can take as long as an export.
    userRoute('DELETE', '/chat/me', 'chat.eraseOwn', reading),
  ],
};
