import { createOwners } from '../../../src/chat/session/owners';
import { thrown } from '../support/collect';
import { ada, bob, ownerSource } from '../support/fixtures';

const owners = createOwners(ownerSource);

describe('the owner of a call by other code', () => {
  it('is the user that the call names, by each of their ids', async () => {
    expect(await owners.find('1')).toEqual(ada);
    expect(await owners.find('doc-ada')).toEqual(ada);
    expect(await owners.ofSession('session-1', 'doc-bob')).toEqual(bob);
    expect(await owners.ofMessage({ id: 5 }, '2')).toEqual(bob);
  });

  it('is the owner of the session or the message if the call names no user', async () => {
    expect(await owners.ofSession('session-1', undefined)).toEqual(ada);
    expect(await owners.ofMessage({ id: 5 }, undefined)).toEqual(ada);
    expect(await owners.ofMessage({ messageId: 'msg-5' }, undefined)).toEqual(ada);
  });

  it('must exist: an unknown user, session or message is an error', async () => {
    expect(await thrown(owners.find('3'))).toMatchObject({
      code: 'invalid-request',
      message: 'user_id must be the id of a user.',
    });
    expect(await thrown(owners.ofSession('session-2', undefined))).toMatchObject({
      code: 'session-not-found',
    });
    expect(await thrown(owners.ofSession('session-1', '3'))).toMatchObject({ code: 'session-not-found' });
    expect(await thrown(owners.ofMessage({ id: 6 }, undefined))).toMatchObject({ code: 'message-not-found' });
    expect(await thrown(owners.ofMessage({ id: 5 }, '3'))).toMatchObject({ code: 'message-not-found' });
  });
});
