import { isUpstreamMessageId, newMessageId } from '../../../src/chat/model/message-id';

describe('newMessageId', () => {
  it('returns a unique id that contains the time of its creation', () => {
    const ids = Array.from({ length: 1_000 }, newMessageId);
    expect(new Set(ids).size).toBe(1_000);
    expect(ids[0]).toMatch(/^msg_\d{13}_[0-9a-f]{16}$/u);
  });
});

describe('isUpstreamMessageId', () => {
  it('returns false for ids of newMessageId only', () => {
    expect(isUpstreamMessageId(newMessageId())).toBe(false);
    expect(isUpstreamMessageId('8c6b3a52-5e1d-4a3b-9d77-1b5a2c7e9f01')).toBe(true);
  });
});
