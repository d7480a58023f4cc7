'use strict';

/**
 * Starts the built application, as `strapi start` does, but without the rest of Strapi's command line: that would keep
 * some 46 MB which a running server has no use for (docs/benchmarks).
 */
const { existsSync } = require('node:fs');
const path = require('node:path');

const distDir = path.join(__dirname, 'dist');

if (existsSync(path.join(distDir, 'src', 'index.js'))) {
  void require('@strapi/strapi').createStrapi({ appDir: __dirname, distDir }).start();
} else {
  console.error('The application is not built yet: npm run build');
  process.exitCode = 1;
}
