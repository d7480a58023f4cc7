import { fileTypeOf, toInlineFile } from '../../../../src/chat/contract/file/inline-file';

const base64 = Buffer.from('sea').toString('base64');

describe('a file inside a question', () => {
  it('is read from its data URL, also with parameters of the media type', () => {
    const file = toInlineFile(`data:Text/Plain;charset=utf-8;base64,${base64}`, 'sea.txt');

    expect(file).toMatchObject({ name: 'sea.txt', mimeType: 'text/plain' });
    expect(file?.bytes.toString()).toBe('sea');
  });

  it('gets the extension of its media type if its name has none', () => {
    expect(toInlineFile(`data:image/png;base64,${base64}`, 'file-1')?.name).toBe('file-1.png');
  });

  it('keeps the extension of a name that is too long', () => {
    const name = toInlineFile(`data:image/png;base64,${base64}`, `${'x'.repeat(300)}.png`)?.name;
    expect([name?.length, name?.slice(-5)]).toEqual([255, 'x.png']);
  });

  it.each([
    'https://example.com/a.png',
    'data:image/png,raw',
    'data:image/png;base64,',
    'data:;base64,c2Vh',
    'x',
  ])('is refused as %j', (url) => {
    expect(toInlineFile(url, 'a.png')).toBeNull();
  });

  it.each([
    ['image/png', 'image'],
    ['audio/mpeg', 'audio'],
    ['video/mp4', 'video'],
    ['application/pdf', 'document'],
  ])('with the type %s is of the kind %s', (mimeType, type) => {
    expect(fileTypeOf(mimeType)).toBe(type);
  });
});
