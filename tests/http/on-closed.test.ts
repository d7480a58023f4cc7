import { once } from 'node:events';
import { PassThrough } from 'node:stream';

import { onClosed } from '../../src/http/on-closed';

describe('onClosed', () => {
  it('calls its function once, when the stream is closed', async () => {
    const stream = new PassThrough();
    const run = jest.fn();
    onClosed(stream, run);
    expect(run).not.toHaveBeenCalled();
    stream.destroy();
    await once(stream, 'close');
    expect(run).toHaveBeenCalledTimes(1);
  });

  it('returns a function that ends the wait', async () => {
    const stream = new PassThrough();
    const run = jest.fn();
    onClosed(stream, run)();
    expect(stream.listenerCount('close')).toBe(0);
    stream.destroy();
    await once(stream, 'close');
    expect(run).not.toHaveBeenCalled();
  });

  it('calls its function immediately for a stream that is closed already', async () => {
    const stream = new PassThrough().destroy();
    await once(stream, 'close');
    const run = jest.fn();
    onClosed(stream, run);
    expect(run).toHaveBeenCalledTimes(1);
  });
});
