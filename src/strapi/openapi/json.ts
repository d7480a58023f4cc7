/** A part of the document: an object of JSON. */
export type Json = Readonly<Record<string, unknown>>;

export const isJson = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Returns a reference to a component. */
export const toComponent = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });
