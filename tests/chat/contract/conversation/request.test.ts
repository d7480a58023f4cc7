import {
  parseConversationPage,
  parseConversationPart,
} from '../../../../src/chat/contract/conversation/request';
import { thrown } from '../../support/collect';

describe('parseConversationPage and parseConversationPart', () => {
  it('cut a limit above 1000', () => {
    for (const limit of ['1001', '999999', '1e30']) {
      expect(parseConversationPage({ limit })).toEqual({ limit: 1000, offset: 0 });
      expect(parseConversationPart({ limit })).toEqual({ limit: 1000, id: 0 });
    }
  });

  it.each(['0', '-1', '1.5', 'x', 'Infinity'])('refuse the limit %s', async (limit) => {
    const refusal = { code: 'invalid-request', message: expect.stringContaining('limit must be') };
    expect(await thrown(() => parseConversationPage({ limit }))).toMatchObject(refusal);
    expect(await thrown(() => parseConversationPart({ limit }))).toMatchObject(refusal);
  });
});
