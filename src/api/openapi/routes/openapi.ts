/** The description of the API, for people and for programs. It names no data, so it needs no login. */
export default {
  routes: [
    { method: 'GET', path: '/openapi.json', handler: 'openapi.document', config: { auth: false } },
    { method: 'GET', path: '/docs', handler: 'openapi.page', config: { auth: false } },
    { method: 'GET', path: '/docs/:file', handler: 'openapi.file', config: { auth: false } },
  ],
};
