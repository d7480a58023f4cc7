export default {
  routes: [{ method: 'GET', path: '/chat/ready', handler: 'chat.ready', config: { auth: false } }],
};
