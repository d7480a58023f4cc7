import { createHttpBody } from '../../bench/load/http-body';

const head = (headers: string) => `HTTP/1.1 200 OK\r\n${headers}\r\n\r\n`;

function read(response: string, pieceChars: number): { body: string; isOver: boolean } {
  const body = createHttpBody();
  let text = '';
  for (let at = 0; at < response.length; at += pieceChars)
    text += body.take(response.slice(at, at + pieceChars));
  return { body: text, isOver: body.isOver() };
}

describe('createHttpBody', () => {
  const chunked = `${head('Transfer-Encoding: chunked')}5\r\nhello\r\n1;x=y\r\n \r\n5\r\nworld\r\n0\r\n\r\n`;

  it.each([1, 2, 7, 1000])('joins the chunks of a body received in pieces of %i characters', (pieceChars) => {
    expect(read(chunked, pieceChars)).toEqual({ body: 'hello world', isOver: true });
  });

  it('ends after the content length', () => {
    const response = `${head('Content-Length: 5')}hello`;

    expect(read(response, 3)).toEqual({ body: 'hello', isOver: true });
    expect(read(response.slice(0, -1), 3)).toEqual({ body: 'hell', isOver: false });
  });

  it('does not report an end when only the connection marks it', () => {
    expect(read(`${head('Connection: close')}hello`, 4)).toEqual({ body: 'hello', isOver: false });
  });

  it('throws for a status other than 200', () => {
    expect(() => read('HTTP/1.1 503 Busy\r\nContent-Length: 2\r\n\r\nno', 100)).toThrow(
      'HTTP/1.1 503 Busy: no',
    );
  });
});
