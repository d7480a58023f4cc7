import { itKeepsLoginAttempts } from '../../support/login-attempts-contract';
import { createMemoryLoginAttempts } from '../../support/memory-login-attempts';

describe('LoginAttempts in memory', () => {
  const { now } = Date;
  let passedMs = 0;
  beforeEach(() => void jest.spyOn(Date, 'now').mockImplementation(() => now() + passedMs));
  afterEach(() => jest.restoreAllMocks());

  itKeepsLoginAttempts(async () => ({
    attempts: createMemoryLoginAttempts(),
    forward: async (ms) => void (passedMs += ms),
  }));
});
