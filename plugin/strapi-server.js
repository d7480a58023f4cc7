'use strict';

module.exports = require('./dist/src/plugin/strapi-server.js').default;
