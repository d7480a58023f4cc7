import type { Core } from '@strapi/strapi';

/**
 * Runs `prepare` before the process takes its first request. Commands such as `strapi export` load the application
 * with its bootstrap but never listen. `strapi console` listens, but a person types there, so it is no server either.
 */
export function beforeListening(strapi: Core.Strapi, prepare: () => Promise<void>): void {
  if (isConsole(process.argv)) return;
  const listen = strapi.listen.bind(strapi);
  strapi.listen = async () => {
    await prepare();
    await listen();
  };
}

function isConsole([, , command]: readonly string[]): boolean {
  return command === 'console';
}
