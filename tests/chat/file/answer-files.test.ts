import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';

import { createAnswerFiles } from '../../../src/chat/file/answer-files';
import type { FileOfAnswer } from '../../../src/chat/model/file';
import type { Upstream } from '../../../src/chat/ports/upstream';

const file = {
  id: 'file-1',
  type: 'image',
  url: 'http://dify.internal/files/tools/a.png?sign=secret',
  user: 'user-ada',
  conversationId: 'conversation',
  messageId: 'message',
  upstreamId: 'dify:one',
};
const never = new AbortController().signal;

function create(secret = 'of this installation') {
  const opened: (FileOfAnswer & { readonly at: string | null })[] = [];
  const files = createAnswerFiles({
    secret,
    upstreams: {
      async find(at) {
        if (at === 'gone') return null;
        const open = async (one: FileOfAnswer) => {
          opened.push({ ...one, at });
          return { mimeType: 'image/png', body: Readable.from([Buffer.from('the sea')]) };
        };
        return { files: { open, upload: async () => '' } } as Partial<Upstream> as Upstream;
      },
    },
  });
  const open = (link: string) => files.open(link.split('/').at(-1) ?? '', never);
  return { files, opened, open };
}

afterEach(() => jest.useRealTimers());

describe('a link to a file of an answer', () => {
  it('opens the file at its upstream, also in another process', async () => {
    const { open, opened } = create();
    const link = create().files.links.to(file);
    const content = await open(link);
    expect(content && (await text(content.body))).toBe('the sea');
    expect(opened).toMatchObject([{ id: 'file-1', user: 'user-ada', messageId: 'message', at: 'dify:one' }]);
  });

  it('contains nothing of the upstream and of the user', () => {
    const link = create().files.links.to(file);
    expect(link).toMatch(/^\/api\/chat-conversations\/files\/[\w-]+$/u);
    const bytes = Buffer.from(link.split('/').at(-1) ?? '', 'base64url').toString('latin1');
    expect(bytes).not.toMatch(/dify|secret|ada/u);
  });

  it('expires', async () => {
    const { files, open } = create();
    const link = files.links.to(file);
    jest.useFakeTimers({ now: Date.now() + 30 * 60_000 + 1 });
    expect(await open(link)).toBeNull();
  });

  it.each<[string, (link: string) => string]>([
    ['an empty link', () => ''],
    ['a short link', () => 'abc'],
    ['a changed link', (link) => link.replace(/.{10}$/u, 'AAAAAAAAAA')],
    ['another spelling', (link) => `${link}=`],
    ['a link with other characters', (link) => `${link}!`],
    ['a link of another installation', () => create('of another one').files.links.to(file)],
  ])('does not open %s', async (_what, change) => {
    const { files, open, opened } = create();
    expect(await open(change(files.links.to(file)))).toBeNull();
    expect(opened).toEqual([]);
  });

  it('does not open a file whose upstream is gone', async () => {
    const { files, open } = create();
    expect(await open(files.links.to({ ...file, upstreamId: 'gone' }))).toBeNull();
  });
});
