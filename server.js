'use strict';

/**
 * Starts the built application, as `strapi start` does, but without the rest of Strapi's command line: that would keep
 * some 46 MB which a running server has no use for (docs/benchmarks).
 */
const { existsSync } = require('node:fs');
const path = require('node:path');

const distDir = path.join(__dirname, 'dist');

if (existsSync(path.join(distDir, 'src', 'index.js'))) {
  start();
} else {
  console.error('The application is not built yet: npm run build');
  process.exitCode = 1;
}

function start() {
  try {
    void require('@strapi/strapi').createStrapi({ appDir: __dirname, distDir }).start();
  } catch (error) {
    // Strapi wraps the error of a file in config/ and adds a stack trace, which does not help the operator.
    const [problems] = /The settings are not complete:.*/s.exec(String(error)) ?? [];
    if (problems === undefined) throw error;
    console.error(problems);
    process.exitCode = 1;
  }
}
