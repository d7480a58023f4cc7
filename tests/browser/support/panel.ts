import {
  chromium,
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  type Page,
} from 'playwright-core';

import { password } from '../../support/admin';
import { startApp, type App, type AppOptions } from '../../support/app';
import { findChromium } from './chromium';

/** Milliseconds that a test waits for something on a page. Strapi's panel loads slowly on a busy machine. */
const timeoutMs = 30_000;

export interface PageOptions {
  readonly language?: 'en' | 'zh-Hans';
  readonly theme?: 'light' | 'dark';
  readonly width?: number;
}

/** The application with its admin panel, and a browser. */
export interface Panel {
  readonly app: App;
  readonly browser: Browser;
  /**
   * Opens the home page as this administrator. By default, it is the super administrator. Strapi limits the
   * logins of one account, so each account logs in once, and its later pages reuse that login.
   */
  openAs(email?: string, options?: PageOptions): Promise<Page>;
  /** Errors of the console and failed scripts of all pages so far. */
  readonly pageErrors: readonly string[];
  stop(): Promise<void>;
}

/** The cookies and the local storage of an administrator who has logged in. */
type Login = Awaited<ReturnType<BrowserContext['storageState']>>;

export const superAdmin = 'admin@example.com';

export async function startPanel(options: AppOptions = {}): Promise<Panel> {
  const app = await startApp({ ...options, env: { SERVE_ADMIN_PANEL: 'true', ...options.env } });
  const browser = await launchBrowser();
  const pageErrors: string[] = [];
  const logins = new Map<string, Login>();
  return {
    app,
    browser,
    pageErrors,
    async openAs(email = superAdmin, pageOptions = {}) {
      const login = logins.get(email);
      const page = await openPage(browser, app.url, pageOptions, login);
      page.on('pageerror', (error) => void pageErrors.push(error.message));
      if (login === undefined) {
        await logIn(page, app.url, email);
        logins.set(email, await page.context().storageState());
      } else await page.goto('/admin');
      return page;
    },
    async stop() {
      await browser.close();
      await app.stop();
    },
  };
}

/** Starts Chromium without a window. The caller closes it. */
export function launchBrowser(): Promise<Browser> {
  const executablePath = findChromium();
  if (executablePath === null) throw new Error('Chromium is not installed.');
  // A container has no sandbox for root, and little shared memory.
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
}

async function openPage(
  browser: Browser,
  url: string,
  { language = 'en', theme = 'light', width = 1280 }: PageOptions,
  login?: Login,
): Promise<Page> {
  const options: BrowserContextOptions = {
    baseURL: url,
    viewport: { width, height: 900 },
    colorScheme: theme,
    ...(login === undefined ? {} : { storageState: login }),
  };
  const context = await browser.newContext(options);
  context.setDefaultTimeout(timeoutMs);
  await context.addInitScript(
    ([chosenLanguage, chosenTheme]) => {
      localStorage.setItem('strapi-admin-language', chosenLanguage);
      localStorage.setItem('STRAPI_THEME', chosenTheme);
      // Strapi's tour for newcomers would lie over the page.
      const tour = { tours: {}, enabled: false, hidden: true, completedActions: [] };
      localStorage.setItem('STRAPI_GUIDED_TOUR', JSON.stringify(tour));
    },
    [language, theme] as const,
  );
  return context.newPage();
}

/** Logs in through the form of the panel. */
async function logIn(page: Page, url: string, email: string): Promise<void> {
  await page.goto(`${url}/admin/auth/login`);
  await page.locator('input[name="email"]').fill(email);
  await page.locator('input[name="password"]').fill(password);
  await page.locator('button[type="submit"]').click();
  await page.waitForURL((address) => !address.pathname.includes('/auth/'));
}
