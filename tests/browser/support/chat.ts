import type { Browser, BrowserContextOptions, Page } from 'playwright-core';

import { password } from '../../support/admin';
import { startApp, type App } from '../../support/app';
import { canaries } from '../../support/canaries';
import { launchBrowser } from './panel';

const timeoutMs = 30_000;

export interface OpenChatOptions extends BrowserContextOptions {
  /** Prepares the data of the new user. */
  readonly prepare?: (userId: number) => Promise<void>;
  /** The character to choose. */
  readonly choose?: string;
}

/** The application with a character, and a browser for its chat page. */
export interface Chat {
  readonly app: App;
  readonly browser: Browser;
  /** Errors of scripts and of the console of all pages so far. */
  readonly problems: string[];
  /** Registers a user by the API. Returns the name. */
  createUser(prepare?: OpenChatOptions['prepare']): Promise<string>;
  /** Opens an empty page in a browser of its own, in English by default. */
  openPage(options?: BrowserContextOptions): Promise<Page>;
  /** Opens the chat page as a new user, in a browser of its own. */
  open(options?: OpenChatOptions): Promise<Page>;
  /** Lets Dify answer the next question with this text, and end. */
  answerWith(text: string): void;
  /** Lets Dify say the first part, and the second one after the returned function is called. */
  answerInTwoParts(first: string, second: string): () => void;
  /** Closes the pages. Call it after each test. @returns the problems */
  closePages(): Promise<readonly string[]>;
  stop(): Promise<void>;
}

/** The key of a Dify app that takes no files. */
export const plainAppKey = `app-${canaries.characterKey}`;

export async function startChat(): Promise<Chat> {
  const app = await startApp({
    dify: {
      apps: [
        { key: `app-${canaries.key}`, mode: 'chat', takesFiles: true },
        { key: plainAppKey, mode: 'chat' },
      ],
    },
  });
  await app.admin.createCharacter({
    name: 'Maren',
    introduce: 'Keeper of the lighthouse.',
    opening_statement: 'Ahoy. Come in.',
    suggested_questions: ['Is it lonely out here?'],
  });
  const browser = await launchBrowser();
  const problems: string[] = [];
  let users = 0;

  async function openPage(options: BrowserContextOptions = {}): Promise<Page> {
    const context = await browser.newContext({ baseURL: app.url, locale: 'en-US', ...options });
    context.setDefaultTimeout(timeoutMs);
    context.on('weberror', (error) => void problems.push(error.error().message));
    // Chromium reports lost connections and refused requests.
    context.on('console', (message) => {
      const isCausedByTest = /^Failed to load resource|net::ERR_INTERNET_DISCONNECTED/u.test(message.text());
      if (message.type() === 'error' && !isCausedByTest) problems.push(message.text());
    });
    return context.newPage();
  }

  async function createUser(prepare: OpenChatOptions['prepare']): Promise<string> {
    users += 1;
    const username = `talker${users}`;
    const data = { username, email: `${username}@example.com`, password };
    const { body } = await app.anonymous.post('/api/auth/local/register', data);
    await prepare?.(body.user.id);
    return username;
  }

  return {
    ...{ app, browser, problems, createUser, openPage },
    async open({ prepare, choose, ...options } = {}) {
      const username = await createUser(prepare);
      const page = await openPage(options);
      await logIn(page, username);
      if (choose !== undefined) await page.getByRole('button', { name: choose }).click();
      return page;
    },
    answerWith(text) {
      app.dify.script(async (reply) => {
        await reply.say(text);
        await reply.end();
      });
    },
    answerInTwoParts(first, second) {
      let goOn = () => {};
      const gate = new Promise<void>((resolve) => (goOn = resolve));
      app.dify.script(async (reply) => {
        await reply.say(first);
        await gate;
        await reply.say(second);
        await reply.end();
      });
      return goOn;
    },
    async closePages() {
      app.dify.reset();
      await Promise.all(browser.contexts().map((context) => context.close()));
      return problems.splice(0);
    },
    async stop() {
      await browser.close();
      await app.stop();
    },
  };
}

/** Logs in by the form, in any language. */
export async function logIn(page: Page, username: string): Promise<void> {
  await page.goto('/chat/login');
  await fillLogin(page, username);
  await page.waitForURL('**/chat/');
}

/** Fills in and sends the form for the login. */
export async function fillLogin(page: Page, username: string): Promise<void> {
  await page.locator('input[name=identifier]').fill(username);
  await page.locator('input[type=password]').fill(password);
  await page.locator('main button[type=submit]').click();
}

export const composer = (page: Page) => page.locator('.composer textarea');
export const answers = (page: Page) => page.locator('.exchange .answer .markdown');
/** Its button stands under an answer that has ended. */
export const waitForEnd = (page: Page) => page.locator('[data-name=like]').last().waitFor();

export async function ask(page: Page, question: string): Promise<void> {
  await composer(page).fill(question);
  await composer(page).press('Enter');
}

/** Writes a picture for a person to look at, into the folder that `PICTURES` names. */
export async function picture(page: Page, name: string): Promise<void> {
  const folder = process.env['PICTURES'];
  if (folder !== undefined) await page.screenshot({ path: `${folder}/${name}.png` });
}
