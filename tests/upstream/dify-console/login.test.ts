import { toLogin } from '../../../src/upstream/dify-console/login';

const cookies = [
  'access_token=a.b.c; Max-Age=3600; HttpOnly; Path=/',
  'refresh_token=r==; HttpOnly; Path=/',
  'csrf_token=x; Path=/',
];

describe('toLogin', () => {
  it('reads the tokens of the body', () => {
    const body = '{"result": "success", "data": {"access_token": "a", "refresh_token": "r"}}';
    expect(toLogin({ body, cookies: [] })).toEqual({
      headers: { Authorization: 'Bearer a' },
      refreshBody: { refresh_token: 'r' },
    });
  });

  it('reads the tokens of the cookies, and sends the CSRF token in a header', () => {
    expect(toLogin({ body: '{"result":"success"}', cookies })).toEqual({
      headers: { Cookie: 'access_token=a.b.c; refresh_token=r==; csrf_token=x', 'X-CSRF-Token': 'x' },
      refreshBody: undefined,
    });
  });

  it('keeps the names that the cookies have over HTTPS', () => {
    const secure = cookies.map((cookie) => `__Host-${cookie}`);
    expect(toLogin({ body: '{"result":"success"}', cookies: secure })?.headers).toEqual({
      Cookie: '__Host-access_token=a.b.c; __Host-refresh_token=r==; __Host-csrf_token=x',
      'X-CSRF-Token': 'x',
    });
  });

  it.each([
    ['a page of a proxy', '<html>', []],
    ['a failure with status 200', '{"result": "fail", "data": "no workspace"}', []],
    ['empty tokens', '{"data": {"access_token": "", "refresh_token": ""}}', []],
    ['deleted cookies', '{"result":"success"}', ['access_token=; Max-Age=0', 'csrf_token=; Max-Age=0']],
    ['cookies without a CSRF token', '{"result":"success"}', cookies.slice(0, 2)],
  ])('returns null for %s', (_what, body, given) => {
    expect(toLogin({ body, cookies: given })).toBeNull();
  });
});
