import { z } from 'zod';

export const documentId = z.string().min(1).max(255).describe('The documentId of the character.');

/** See `Side`. */
export const prompt = z.union([z.enum(['draft', 'published']), z.number().int().min(1).max(2_147_483_647)]);

export const promptMeaning = 'draft: the saved draft. published: what users get now. A number: that version.';

/** Tokens and price, as the upstream reports them. */
export const usage = z.record(z.string(), z.union([z.string(), z.number(), z.null()])).nullable();
