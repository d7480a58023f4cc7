import type { Core } from '@strapi/strapi';

import { flag, readVariables } from '../src/env/variables';

const config = ({ env }: Core.Config.Shared.ConfigParams): Core.Config.Admin => ({
  auth: { secret: env('ADMIN_JWT_SECRET', '') },
  apiToken: { salt: env('API_TOKEN_SALT', '') },
  transfer: { token: { salt: env('TRANSFER_TOKEN_SALT', '') } },
  secrets: { encryptionKey: env('ENCRYPTION_KEY', '') },
  // If this is false, the server has only the API and needs no admin build.
  serveAdminPanel: readVariables(env, { SERVE_ADMIN_PANEL: flag(true) }).SERVE_ADMIN_PANEL,
  // Without this, the form of each character asks to set up a preview.
  preview: { enabled: false, config: { handler: () => null } },
  flags: {
    nps: false,
    promoteEE: false,
    docLinks: true,
  },
});

export default config;
