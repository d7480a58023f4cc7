import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

import { chromium, type Browser, type BrowserContextOptions } from 'playwright-core';

import { findChromium } from '../tests/browser/support/chromium';
import { logInUser, type Accounts } from './demo/accounts';
import { createApi } from './demo/http';

/** Makes the pictures of the README from the running demo (`npm run demo` in another shell). */

const target = 'docs/images';

interface Picture {
  readonly file: string;
  /** The address below that of the server. */
  readonly path: string;
  readonly options: BrowserContextOptions;
}

const wide = { viewport: { width: 1280, height: 800 }, deviceScaleFactor: 1 };
const narrow = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 1 };

async function main(): Promise<void> {
  const url = /^(?:export )?API='?([^'\n]+)/mu.exec(readFileSync('.tmp/demo.env', 'utf8'))?.[1] ?? '';
  const { user } = JSON.parse(readFileSync('.tmp/demo.json', 'utf8')) as Accounts;
  const sessionId = await findSession(url, user);
  const pictures: readonly Picture[] = [
    {
      file: 'chat-page.png',
      path: `/chat/c/${sessionId}`,
      options: { ...wide, locale: 'en-US', colorScheme: 'light' },
    },
    {
      file: 'chat-page-phone.png',
      path: `/chat/c/${sessionId}`,
      options: { ...narrow, locale: 'zh-CN', colorScheme: 'dark' },
    },
    { file: 'landing-page.png', path: '/', options: { ...wide, locale: 'en-US', colorScheme: 'light' } },
  ];
  mkdirSync(target, { recursive: true });
  const browser = await launch();
  try {
    for (const picture of pictures) await takePicture(browser, { url, user, picture });
  } finally {
    await browser.close();
  }
}

/** Returns the newest conversation. The demo has asked its question in it. */
async function findSession(url: string, user: Accounts['user']): Promise<string> {
  const api = createApi(url, AbortSignal.timeout(10_000));
  const token = await logInUser(api, user);
  const { data } = await api.request<{ data: readonly { session_id: string }[] }>('/api/chat/sessions', {
    token,
    body: {},
  });
  const [newest] = data;
  if (newest === undefined) throw new Error('The demo has no conversation.');
  return newest.session_id;
}

function launch(): Promise<Browser> {
  const executablePath = findChromium();
  if (executablePath === null) throw new Error('Chromium is not installed.');
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
}

interface Shot {
  readonly url: string;
  readonly user: Accounts['user'];
  readonly picture: Picture;
}

async function takePicture(browser: Browser, { url, user, picture }: Shot): Promise<void> {
  const { file, path: address, options } = picture;
  const context = await browser.newContext({ baseURL: url, ...options });
  const page = await context.newPage();
  await page.goto(address);
  const identifier = page.locator('input[name=identifier]');
  if (address.startsWith('/chat/')) {
    await identifier.fill(user.email);
    await page.locator('input[name=password]').fill(user.password);
    await page.keyboard.press('Enter');
    await identifier.waitFor({ state: 'detached' });
  }
  await page.waitForLoadState('networkidle');
  await page.screenshot({ path: path.join(target, file) });
  console.log(path.join(target, file));
  await context.close();
}

void main();
