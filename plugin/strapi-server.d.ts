import type { Core } from '@strapi/strapi';

interface Options {
  readonly strapi: Core.Strapi;
}

/** The server part of the plugin. Strapi loads it. */
declare const plugin: {
  readonly config: {
    default(options: { env(name: string): string | undefined }): Record<string, unknown>;
    validator(config: Record<string, unknown>): void;
  };
  register(options: Options): Promise<void>;
  destroy(): Promise<void>;
};

export = plugin;
