import { ChatError } from '../errors';
import type { TokenScope } from '../model/owner';

/** @throws ChatError `token-scope` unless `scopes` contains the one that the request needs. */
export function assertScope(scopes: readonly TokenScope[], needed: TokenScope): void {
  if (scopes.includes(needed)) return;
  throw new ChatError('token-scope', {
    sentence: `This personal token lacks the scope "${needed}". Use a token that has it.`,
    details: { scope: needed },
  });
}
