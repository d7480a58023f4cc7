import { ChatError } from '../../chat/errors';

/**
 * Waits for `work`, but not after `leave` fires. Then `work` keeps running, and its result is ignored.
 * @throws ChatError `server-stopping` if `leave` fires first. Also throws the errors of `work`.
 */
export function unlessLeft<T>(work: Promise<T>, leave: AbortSignal | undefined): Promise<T> {
  if (leave === undefined) return work;
  return new Promise((resolve, reject) => {
    const onLeave = () => reject(new ChatError('server-stopping'));
    if (leave.aborted) onLeave();
    leave.addEventListener('abort', onLeave, { once: true });
    void work.then(resolve, reject).finally(() => leave.removeEventListener('abort', onLeave));
  });
}
