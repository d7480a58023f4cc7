import { isDatabaseUnavailable, isDataException, isUniqueViolation } from '../../../src/database/sql/errors';

const withCode = (code: string) => Object.assign(new Error('select "secret" - failed'), { code });

describe('isDatabaseUnavailable', () => {
  it.each([
    'ECONNREFUSED',
    'ECONNRESET',
    '57P01',
    '57P03',
    '08006',
    '53300',
    '55000',
    '40P01',
    '40001',
    '55P03',
    'SQLITE_BUSY',
    'SQLITE_FULL',
    'EMFILE',
    'ENOSPC',
  ])('returns true for the code %s', (code) => {
    expect(isDatabaseUnavailable(withCode(code))).toBe(true);
  });

  it.each([
    'Connection terminated unexpectedly',
    'insert into "x" - Connection terminated unexpectedly',
    'SET search_path TO "public" - Client has encountered a connection error and is not queryable',
    'select 1 - Client was closed and is not queryable',
    'Transaction query already complete, run with DEBUG=knex:tx for more info',
  ])('returns true for a lost connection: %s', (message) => {
    expect(isDatabaseUnavailable(new Error(message))).toBe(true);
  });

  it.each([
    withCode('23505'),
    withCode('22021'),
    withCode('42P01'),
    new Error('What?'),
    'ECONNREFUSED',
    null,
  ])('returns false for %p', (error) => {
    expect(isDatabaseUnavailable(error)).toBe(false);
  });
});

it('isUniqueViolation and isDataException distinguish a duplicate value from an invalid one', () => {
  expect([isUniqueViolation(withCode('23505')), isDataException(withCode('23505'))]).toEqual([true, false]);
  expect([isUniqueViolation(withCode('22003')), isDataException(withCode('22003'))]).toEqual([false, true]);
  expect(isUniqueViolation(withCode('SQLITE_CONSTRAINT_UNIQUE'))).toBe(true);
});
