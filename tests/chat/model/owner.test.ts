import { toUpstreamUser } from '../../../src/chat/model/owner';
import { ada, bob } from '../support/fixtures';

describe('toUpstreamUser', () => {
  it('returns a different id for each owner, without personal data', () => {
    expect(toUpstreamUser(ada)).toBe('user-doc-ada');
    expect(toUpstreamUser(bob)).not.toBe(toUpstreamUser(ada));
    expect(toUpstreamUser({ ...ada, username: 'x', email: 'y' } as typeof ada)).toBe(toUpstreamUser(ada));
  });
});
