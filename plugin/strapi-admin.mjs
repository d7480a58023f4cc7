/** The admin part of the plugin. */
export { default } from './dist/admin/index.mjs';
