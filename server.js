'use strict';

/**
 * Starts the built application, as `strapi start` does, but without the rest of Strapi's command line: that would keep
 * some 46 MB which a running server has no use for (docs/benchmarks).
 */
const { existsSync } = require('node:fs');
const path = require('node:path');
const v8 = require('node:v8');

const distDir = path.join(__dirname, 'dist');

// What the start makes lives long, what a request makes does not, often in the same places of code (decision 25).
v8.setFlagsFromString('--no-allocation-site-pretenuring');

// A full collection of what a Strapi process holds takes 0.2 s of processor time. V8 begins one when the heap has grown by
// half, and after an idle moment for a few MB: the first work after each pause had to pay for it. Now the heap doubles
// before. Not while starting, as that would only make the process larger (decision 26).
const collectWhenDoubled = () => v8.setFlagsFromString('--heap-growing-percent=100');

if (existsSync(path.join(distDir, 'src', 'index.js'))) {
  void require('@strapi/strapi')
    .createStrapi({ appDir: __dirname, distDir })
    .start()
    .then(collectWhenDoubled);
} else {
  console.error('The application is not built yet: npm run build');
  process.exitCode = 1;
}
