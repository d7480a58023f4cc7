import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { startApp, type App } from '../support/app';

/** Starts the application with these variables for one test. */
async function withApp(env: Readonly<Record<string, string>>, work: (app: App) => Promise<void>) {
  const app = await startApp({ env });
  try {
    await work(app);
  } finally {
    await app.stop();
  }
}

const linksOf = (html: string) => [...html.matchAll(/<li><a [^>]*href="([^"]+)"/gu)].map(([, link]) => link);

describe('the landing page at /', () => {
  it('links the chat page, the admin panel and the API, in the language of the browser', async () => {
    await withApp({ SERVE_ADMIN_PANEL: 'true' }, async ({ anonymous }) => {
      const page = await anonymous.get('/');
      expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
      expect(page.headers.get('content-security-policy')).toContain("script-src 'self';");
      expect(linksOf(page.text)).toEqual(['/chat/', '/admin', '/api/docs']);
      expect(page.text).toContain('<html lang="en">');
      expect((await anonymous.get('/landing.css')).headers.get('content-type')).toMatch(/^text\/css/u);
      expect((await anonymous.get('/api/docs')).status).toBe(200);

      const headers = { 'Accept-Language': 'zh-CN,zh;q=0.9,en;q=0.8' };
      expect((await anonymous.request('GET', '/', { headers })).text).toContain('<html lang="zh-Hans">');
      expect((await anonymous.request('GET', '/?lang=en', { headers })).text).toContain('<html lang="en">');
    });
  });

  it('links only what the server has', async () => {
    await withApp({ CHAT_PAGE: 'false' }, async ({ anonymous }) => {
      expect(linksOf((await anonymous.get('/')).text)).toEqual(['/api/docs']);
      expect((await anonymous.get('/chat/')).status).toBe(404);
    });
  });

  it('is a 404 if it is switched off', async () => {
    await withApp({ LANDING_PAGE: 'false' }, async ({ anonymous }) => {
      const { status, body } = await anonymous.get('/');
      expect([status, body.error.status]).toEqual([404, 404]);
    });
  });

  it('redirects to another address', async () => {
    await withApp({ LANDING_PAGE: '/chat/' }, async ({ anonymous }) => {
      const { status, headers } = await anonymous.get('/');
      expect([status, headers.get('location')]).toEqual([302, '/chat/']);
    });
  });

  it('is a file of the operator', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'landing-page-'));
    const file = path.join(folder, 'own.html');
    writeFileSync(file, '<h1>Own page</h1>');
    try {
      await withApp({ LANDING_PAGE: file }, async ({ anonymous }) => {
        expect((await anonymous.get('/')).text).toBe('<h1>Own page</h1>');
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
