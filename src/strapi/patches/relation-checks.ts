import type { Core } from '@strapi/strapi';

type Validate = (...given: unknown[]) => Promise<unknown>;

/**
 * Reports an unavailable database when Strapi checks the relations of an entry. Strapi answers "Invalid relations" if a
 * check fails for any reason, so a registration got 400. This patch asks the database and then checks again.
 */
export function reportFailedRelationChecks(strapi: Core.Strapi): void {
  const validator = strapi.entityValidator as unknown as Record<string, Validate>;
  for (const name of ['validateEntityCreation', 'validateEntityUpdate']) {
    const validate = validator[name];
    if (validate === undefined) throw new Error(`Strapi's entity validator has no ${name}.`);
    validator[name] = async (...given) => {
      try {
        return await validate(...given);
      } catch (error) {
        if (!isRelationError(error)) throw error;
        await strapi.db.query('admin::user').findOne({ select: ['id'] });
        return validate(...given);
      }
    };
  }
}

const isRelationError = (error: unknown): boolean =>
  error instanceof Error && error.name === 'ValidationError' && error.message.includes('Invalid relations');
