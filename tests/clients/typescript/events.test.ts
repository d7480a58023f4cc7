import { readEvents, textAfter, type TurnEvent } from '../../../clients/typescript/src/turn/events';

const frame = (seq: number, fields: object) => `id: ${seq}\ndata: ${JSON.stringify(fields)}\n\n`;

async function read(chunks: readonly string[]): Promise<TurnEvent[]> {
  const events: TurnEvent[] = [];
  const arriving = (async function* () {
    yield* chunks;
  })();
  for await (const event of readEvents(arriving)) events.push(event);
  return events;
}

describe('readEvents', () => {
  const stream = `: \n\n${frame(1, { event: 'turn_started' })}${frame(2, { event: 'message', answer: '🌊\n\u2028' })}`;

  it('returns the same events wherever the stream is split', async () => {
    const whole = await read([stream]);
    expect(whole).toEqual([
      { seq: 1, event: 'turn_started' },
      { seq: 2, event: 'message', answer: '🌊\n\u2028' },
    ]);
    for (let at = 1; at < stream.length; at += 1) {
      expect(await read([stream.slice(0, at), stream.slice(at)])).toEqual(whole);
    }
  });

  it('leaves out an event that is cut off', async () => {
    for (let end = 1; end <= stream.length; end += 1) {
      const events = await read([stream.slice(0, stream.length - end)]);
      expect(events.map(({ seq }) => seq)).not.toContain(2);
    }
  });

  it('throws a NetworkError for a reply that is no event stream of the server', async () => {
    await expect(read(['data: <html>\n\n'])).rejects.toMatchObject({ name: 'NetworkError' });
  });
});

describe('textAfter', () => {
  const textOf = (events: readonly object[]) =>
    events.reduce<string>((text, event) => textAfter(text, event as TurnEvent), '');

  it('appends pieces, obeys a replacement, and starts again with the turn', () => {
    const hello = [
      { event: 'message', answer: 'Hel' },
      { event: 'message', answer: 'lo' },
    ];
    expect(textOf([{ event: 'turn_started' }, ...hello])).toBe('Hello');
    expect(
      textOf([...hello, { event: 'message_replace', answer: 'Good' }, { event: 'message', answer: 'bye' }]),
    ).toBe('Goodbye');
    expect(textOf([...hello, { event: 'turn_started' }, ...hello])).toBe('Hello');
  });

  it('ignores events that it does not know', () => {
    expect(textOf([{ event: 'message', answer: 'Hello' }, { event: 'new_in_later_versions' }])).toBe('Hello');
  });
});
