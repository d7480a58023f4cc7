import { fileURLToPath } from 'node:url';

import { defineConfig } from 'vite';

const toPath = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

export default defineConfig({
  root: toPath('.'),
  base: '/chat/',
  publicDir: false,
  resolve: { alias: { 'character-chat-client': toPath('../clients/typescript/src/index.ts') } },
  esbuild: { jsx: 'automatic', jsxImportSource: 'preact' },
  build: {
    outDir: toPath('../dist/web'),
    emptyOutDir: true,
    target: 'es2022',
    // A strict Content-Security-Policy refuses inline scripts and data: addresses.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
  },
  // `npx vite web` serves the page with reload. It needs a running server.
  server: {
    proxy: { '/api': { target: 'http://127.0.0.1:1337', ws: true }, '/uploads': 'http://127.0.0.1:1337' },
  },
});
