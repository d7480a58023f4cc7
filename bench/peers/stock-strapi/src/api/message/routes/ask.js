module.exports = { routes: [{ method: 'POST', path: '/messages/ask', handler: 'message.ask' }] };
