import { dataFrame, pingFrame, pythonJson } from './frames';

const event = {
  event: 'message',
  answer: '你好, "café" 👋\n',
  tags: ['a', 1, null, true],
  more: { deep: [{}, []] },
};

describe('dataFrame', () => {
  it('writes 0.15 like json.dumps: with spaces, in ASCII, an emoji as two escapes', () => {
    expect(dataFrame(event, '0.15').toString('latin1')).toBe(
      'data: {"event": "message", "answer": "\\u4f60\\u597d, \\"caf\\u00e9\\" \\ud83d\\udc4b\\n", ' +
        '"tags": ["a", 1, null, true], "more": {"deep": [{}, []]}}\n\n',
    );
  });

  it('writes 1.x without spaces, in UTF-8', () => {
    expect(dataFrame(event, '1.x').toString('utf8')).toBe(
      'data: {"event":"message","answer":"你好, \\"café\\" 👋\\n","tags":["a",1,null,true],"more":{"deep":[{},[]]}}\n\n',
    );
  });

  it('omits undefined fields and writes null', () => {
    expect(pythonJson({ a: undefined, b: null })).toBe('{"b": null}');
  });

  it('writes JSON that every parser reads', () => {
    const tricky = { text: '[ {\n "a": 1,\n } ] \u007f \u2028 \\u0041 😀, \r\n: ' };
    expect(JSON.parse(pythonJson(tricky))).toEqual(tricky);
    expect(pythonJson(tricky)).toMatch(/^[\x20-\x7e]*$/u);
  });
});

describe('pingFrame', () => {
  it('has no data line', () => {
    expect(pingFrame.toString()).toBe('event: ping\n\n');
  });
});
