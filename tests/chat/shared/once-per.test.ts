import { oncePer } from '../../../src/chat/shared/once-per';

it('oncePer calls its function once for each settings object', () => {
  const make = jest.fn(({ max }: { max: number }) => ({ max }));
  const madeFor = oncePer(make);
  const [small, large] = [{ max: 1 }, { max: 2 }];
  expect([madeFor(small), madeFor(large), madeFor(small)]).toEqual([small, large, small]);
  expect(madeFor(small)).toBe(madeFor(small));
  expect(make).toHaveBeenCalledTimes(2);
});
