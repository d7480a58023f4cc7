import { landingPage } from '../../src/env/landing-page';

describe('LANDING_PAGE', () => {
  it.each([
    [undefined, { kind: 'own' }],
    ['true', { kind: 'own' }],
    ['Off', { kind: 'off' }],
    ['/chat/', { kind: 'address', address: '/chat/' }],
    ['https://chat.example/start.html', { kind: 'address', address: 'https://chat.example/start.html' }],
    ['/srv/page.html', { kind: 'file', file: '/srv/page.html' }],
    ['page.html', { kind: 'file', file: 'page.html' }],
  ])('accepts %s', (text, expected) => {
    expect(landingPage.parse(text)).toEqual(expected);
  });

  it.each(['perhaps', '//other.example', 'javascript:alert(1)', '/a b'])('refuses %s', (text) => {
    expect(landingPage.safeParse(text).error?.issues[0]?.message).toMatch(/^must be true, false, the path/u);
  });
});
