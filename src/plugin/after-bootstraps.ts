import type { Core } from '@strapi/strapi';

interface Lifecycles {
  runUserLifecycles(name: string): Promise<void>;
}

/**
 * Runs `run` after Strapi, the admin panel and all plugins have bootstrapped, and before the host's own bootstrap.
 * Plugins bootstrap in the order of `config/plugins`, so users-permissions may come after this plugin. Grants before
 * its bootstrap would suppress its defaults.
 */
export function afterBootstraps(strapi: Core.Strapi, run: () => Promise<void>): void {
  const host = strapi as unknown as Lifecycles;
  const runUserLifecycles = host.runUserLifecycles.bind(strapi);
  host.runUserLifecycles = async (name) => {
    if (name === 'bootstrap') await run();
    await runUserLifecycles(name);
  };
}
