import { createTranscript } from '../../bench/load/transcript';
import { createHttpBody } from '../../bench/load/http-body';
import { prepareAnswer } from '../../bench/upstream/answer';
import { createGate } from '../../bench/upstream/gate';
import { findPlan, toQuery } from '../../bench/upstream/plan';
import { nowUs, parseToken, toToken } from '../../bench/upstream/token';

describe('upstream of the benchmark', () => {
  it('finds its plan in the question of every kind of request', () => {
    const plan = { events: 175, perWrite: 1, everyMs: 20, together: 200 };

    expect(findPlan(JSON.stringify({ query: toQuery(plan) }))).toEqual(plan);
    expect(findPlan(JSON.stringify({ messages: [{ content: toQuery(plan) }] }))).toEqual(plan);
    expect(findPlan('{"query":"hello"}')).toBeNull();
    expect(findPlan('{"query":"bench/0/1/20/0"}')).toBeNull();
  });

  it('writes an answer that the load clients can verify byte by byte', () => {
    const answer = prepareAnswer();
    const beganUs = nowUs();
    const parts = [answer.messages(0, 1), answer.messages(1, 200), answer.end()].map(String);
    const body = createHttpBody();
    body.take('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
    const transcript = createTranscript(201);
    const tokens = parts.flatMap((part) => transcript.take(body.take(part)));

    expect(transcript.isComplete() && body.isOver()).toBe(true);
    expect(tokens.every(({ sentUs }) => sentUs >= beganUs && sentUs <= nowUs())).toBe(true);
  });

  it('sends events about as long as those of Dify', () => {
    const [, frame = ''] = prepareAnswer().messages(0, 1).toString().split('\r\n');

    expect(frame.length).toBeGreaterThan(250);
    expect(frame.length).toBeLessThan(400);
  });

  it('parses its own tokens, and returns null for others', () => {
    expect(parseToken(toToken({ index: 12, sentUs: 345 }))).toEqual({ index: 12, sentUs: 345 });
    expect(parseToken('0000012@000000000000345')).toBeNull();
  });

  it('starts all answers when the last one has arrived, spread over their interval', () => {
    const gate = createGate();
    const places: number[] = [];
    const go = (place: number) => void places.push(place);
    gate.wait(4, go);
    const leave = gate.wait(4, go);
    leave();
    for (let index = 0; index < 2; index += 1) gate.wait(4, go);
    expect(places).toEqual([]);

    gate.wait(4, go);

    expect(places).toEqual([0, 0.25, 0.5, 0.75]);
  });
});
