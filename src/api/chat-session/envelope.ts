export const sessionPageSize = 20;
export const messagePageSize = 50;

/** Wraps the data of a successful reply in the session API's envelope. */
export function success<T>(data: T): { readonly code: 200; readonly message: string; readonly data: T } {
  return { code: 200, message: 'success', data };
}
