import { readFile } from 'node:fs/promises';

import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core';

import { password } from '../support/admin';
import { startApp, type App } from '../support/app';
import { createClient } from '../support/client';
import { createGate } from '../support/gate';
import { startSmtpServer, type SmtpServer } from '../support/smtp-server';
import { checkAccessibility } from './support/accessibility';
import { describeInBrowser } from './support/chromium';
import { launchBrowser } from './support/panel';

const timeoutMs = 30_000;
const newPassword = 'Another-passw0rd';

let app: App;
let browser: Browser;
let users = 0;
const problems: string[] = [];

/** Opens a browser of its own, with its own cookies. It notes errors, except replies that refuse something. */
async function openBrowser(options: BrowserContextOptions = {}): Promise<BrowserContext> {
  const context = await browser.newContext({ baseURL: app.url, locale: 'en-US', ...options });
  context.setDefaultTimeout(timeoutMs);
  context.on('weberror', (error) => void problems.push(error.error().message));
  context.on('console', (message) => {
    const isRefusal = /^Failed to load resource: the server responded with a status of 4/u.test(
      message.text(),
    );
    if (message.type() === 'error' && !isRefusal) problems.push(message.text());
  });
  return context;
}

/** Registers a user by the API. */
async function createUser() {
  users += 1;
  const username = `person${users}`;
  const email = `${username}@example.com`;
  const { body } = await app.anonymous.post('/api/auth/local/register', { username, email, password });
  return { username, email, client: createClient(app.url, body.jwt, body.user) };
}

async function logIn(page: Page, identifier: string, secret = password): Promise<void> {
  await page.goto('/chat/login');
  await page.getByLabel('Email or username').fill(identifier);
  await page.getByLabel('Password').fill(secret);
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.waitForURL('**/chat/');
}

/** Opens the page of an account, as a new user in a new browser. */
async function openAccount() {
  const user = await createUser();
  const context = await openBrowser();
  const page = await context.newPage();
  await logIn(page, user.username);
  await page.goto('/chat/account');
  await page.getByText(`${user.username} · ${user.email}`).waitFor();
  return { user, context, page };
}

const loginHeading = (page: Page) => page.getByRole('heading', { name: 'Log in' });

describeInBrowser('the account pages of the chat page', () => {
  let smtp: SmtpServer;

  beforeAll(async () => {
    smtp = await startSmtpServer();
    app = await startApp({
      env: {
        EMAIL_SMTP_HOST: '127.0.0.1',
        EMAIL_SMTP_PORT: String(smtp.port),
        EMAIL_FROM: 'Chat <chat@sender.example>',
      },
    });
    browser = await launchBrowser();
  });
  afterAll(async () => {
    await browser.close();
    await app.stop();
    await smtp.close();
  });
  afterEach(() => expect(problems.splice(0)).toEqual([]));

  it('register a user, who stays logged in after a reload and in another tab', async () => {
    const context = await openBrowser();
    const page = await context.newPage();
    await page.goto('/chat/');
    await page.getByRole('link', { name: 'Create an account' }).click();
    await page.getByLabel('Username').fill('newcomer');
    await page.getByLabel('Email').fill('newcomer@example.com');
    await page.getByLabel(/New password/).fill(password);
    await page.getByRole('button', { name: 'Create an account' }).click();
    await page.waitForURL('**/chat/');

    await page.goto('/chat/account');
    await page.getByText('newcomer · newcomer@example.com').waitFor();
    const other = await context.newPage();
    await other.goto('/chat/account');
    await other.getByText('newcomer · newcomer@example.com').waitFor();

    const readable = await page.evaluate(() => document.cookie + JSON.stringify({ ...localStorage }));
    expect(readable).not.toMatch(/eyJ/u);
    const cookies = (await context.cookies(`${app.url}/api/auth/refresh`)).filter(({ name }) =>
      name.startsWith('strapi_up_refresh'),
    );
    expect(cookies.length).toBeGreaterThan(0);
    for (const { httpOnly, sameSite } of cookies) expect([httpOnly, sameSite]).toEqual([true, 'Strict']);
    await context.close();
  });

  it('say in both languages that a password is wrong, and then open the address that was asked for', async () => {
    const { username } = await createUser();
    const context = await openBrowser({ locale: 'zh-CN' });
    const page = await context.newPage();
    await page.goto('/chat/account');
    await page.getByLabel('邮箱或用户名').fill(username);
    await page.getByLabel('密码', { exact: true }).fill('Wrong-passw0rd');
    await page.getByRole('button', { name: '登录' }).click();
    await page.getByRole('alert').getByText('请检查').waitFor();

    await page.getByRole('button', { name: '语言' }).click();
    await page.getByRole('menuitemradio', { name: 'English' }).click();
    await page.getByRole('alert').getByText('The name or the password is wrong.').waitFor();
    await page.getByLabel('Password').fill(password);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Account', exact: true }).waitFor();
    expect(page.url()).toBe(`${app.url}/chat/account`);
    await context.close();
  });

  it.each([
    { name: 'the login', links: [] },
    {
      name: 'other pages and the login',
      links: ['Create an account', 'Log in', 'Forgotten your password?', 'Back to the login'],
    },
  ])('open the conversation that was asked for after $name', async ({ links }) => {
    const { username, client } = await createUser();
    const { documentId } = await app.admin.createCharacter({ name: 'Maren' });
    const { body } = await client.ask({ character_id: documentId, query: 'Is it lonely out here?' });
    const address = `/chat/c/${body.data[0].session_id}?message=${body.data[1].message_id}`;
    const page = await (await openBrowser()).newPage();
    await page.goto(address);
    for (const link of links) await page.getByRole('link', { name: link }).click();
    await page.reload();
    await page.getByLabel('Email or username').fill(username);
    await page.getByLabel('Password').fill(password);
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.locator('[data-found=true]').waitFor();
    expect(page.url()).toBe(`${app.url}${address}`);
    await page.context().close();
  });

  it('open no address of another site after the login', async () => {
    const { username } = await createUser();
    const page = await (await openBrowser()).newPage();
    await page.goto(`/chat/login?next=${encodeURIComponent('//evil.example/chat/c/x')}`);
    await page.getByLabel('Email or username').fill(username);
    await page.getByLabel('Password').fill(password);
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByText('Who do you want to talk to?').waitFor();
    expect(new URL(page.url()).origin).toBe(app.url);
    await page.context().close();
  });

  it('set a new password by the link of a mail', async () => {
    const { username, email } = await createUser();
    const context = await openBrowser();
    const page = await context.newPage();
    await page.goto('/chat/login');
    await page.getByRole('link', { name: 'Forgotten your password?' }).click();
    const mailsBefore = smtp.mails.length;
    await page.getByLabel('Email').fill(email);
    await page.getByRole('button', { name: 'Send the link' }).click();
    await page.getByRole('status').getByText(email).waitFor();

    const mail = (await smtp.received(mailsBefore + 1))[mailsBefore];
    const text = mail?.text.replaceAll('=\n', '').replaceAll('=3D', '=');
    const link = /http:\/\/\S+\/chat\/reset-password\?code=[0-9a-f]+/u.exec(text ?? '')?.[0] ?? '';
    await page.goto(link.replace(/^http:\/\/[^/]+/u, app.url));
    await page.getByLabel(/New password/).fill(newPassword);
    await page.getByRole('button', { name: 'Set the password and log in' }).click();
    await page.waitForURL('**/chat/');
    await page.reload();
    expect(await loginHeading(page).count()).toBe(0);
    const credentials = { identifier: username, password: newPassword };
    expect((await app.anonymous.post('/api/auth/local', credentials)).status).toBe(200);

    await page.goto(link.replace(/^http:\/\/[^/]+/u, app.url));
    await page.getByLabel(/New password/).fill(newPassword);
    await page.getByRole('button', { name: 'Set the password and log in' }).click();
    await page.getByRole('alert').getByText('Open the newest mail').waitFor();
    await context.close();
  });

  it('change the password, which keeps this browser logged in and no other', async () => {
    const { user, context, page } = await openAccount();
    const elsewhere = await (await openBrowser()).newPage();
    await logIn(elsewhere, user.username);

    await page.getByLabel('Current password').fill('Wrong-passw0rd');
    await page.getByLabel(/New password/).fill(newPassword);
    await page.getByRole('button', { name: 'Change the password' }).click();
    await page.getByRole('alert').getByText('The current password is wrong.').waitFor();
    await page.getByLabel('Current password').fill(password);
    await page.getByRole('button', { name: 'Change the password' }).click();
    await page.getByText('The password is changed.').waitFor();

    await page.reload();
    await page.getByText(`${user.username} · ${user.email}`).waitFor();
    await elsewhere.goto('/chat/account');
    await loginHeading(elsewhere).waitFor();
    await elsewhere.context().close();
    await context.close();
  });

  it('log out in all tabs, and everywhere', async () => {
    const { user, context, page } = await openAccount();
    const tab = await context.newPage();
    await tab.goto('/chat/account');
    await tab.getByText(user.email).waitFor();
    await page.getByRole('button', { name: 'Log out everywhere' }).click();
    await loginHeading(page).waitFor();
    await loginHeading(tab).waitFor();
    await tab.reload();
    await loginHeading(tab).waitFor();
    expect((await user.client.get('/api/users/me')).status).toBe(401);
    await context.close();
  });

  it('create a personal token, show it once, and revoke it', async () => {
    const { user, context, page } = await openAccount();
    await page.getByText('You have no token.').waitFor();
    await page.getByLabel('What is the token for?').fill('Home server');
    await page.getByLabel('Valid for').selectOption({ label: '90 days' });
    await page.getByRole('button', { name: 'Create a token' }).click();
    const dialog = page.getByRole('dialog', { name: 'The token “Home server”' });
    const token = await dialog.getByLabel('Token').inputValue();
    const withToken = createClient(app.url, token);
    expect((await withToken.get('/api/users/me')).body.username).toBe(user.username);
    await dialog.getByRole('button', { name: 'Close' }).click();
    await dialog.waitFor({ state: 'hidden' });
    await page.getByText(/^reading · created .* · never used · valid until /).waitFor();
    expect(await page.content()).not.toContain(token);

    await page.getByRole('button', { name: 'Revoke “Home server”' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke', exact: true }).click();
    await page.getByText('You have no token.').waitFor();
    expect((await withToken.get('/api/users/me')).status).toBe(401);
    await context.close();
  });

  it('download and delete the data of the user', async () => {
    const { user, context, page } = await openAccount();
    const { documentId } = await app.admin.createCharacter({ name: 'Maren' });
    await user.client.ask({ character_id: documentId, query: 'Is it lonely out here?' });
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Download my data' }).click(),
    ]);
    const lines = (await readFile(await download.path(), 'utf8')).trim().split('\n');
    expect(lines.map((line) => JSON.parse(line).type)).toEqual(
      expect.arrayContaining(['user', 'session', 'message']),
    );

    await page.getByRole('button', { name: 'Delete my data' }).click();
    await page.getByRole('button', { name: 'Delete everything' }).click();
    await page.getByText('Deleted: 1 conversations, 2 messages.').waitFor();
    expect((await user.client.myList()).body.data).toEqual([]);
    await context.close();
  });

  it.each([
    { locale: 'en-US', colorScheme: 'light', width: 1280 },
    { locale: 'zh-CN', colorScheme: 'dark', width: 390 },
  ] as const)('are accessible: $locale, $colorScheme, $width px', async ({ locale, colorScheme, width }) => {
    const { username } = await createUser();
    const context = await openBrowser({ locale, colorScheme, viewport: { width, height: 844 } });
    const page = await context.newPage();
    for (const address of ['login', 'register', 'forgot-password', 'reset-password?code=1']) {
      await page.goto(`/chat/${address}`);
      await page.locator('h1').waitFor();
      expect([address, await checkAccessibility(page)]).toEqual([address, []]);
    }
    await page.goto('/chat/account');
    await page.locator('input[name=identifier]').fill(username);
    await page.locator('input[name=password]').fill(password);
    await page.keyboard.press('Enter');
    await page.locator('form input[name=currentPassword]').waitFor();
    expect(await checkAccessibility(page)).toEqual([]);
    const isTooWide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
    expect(isTooWide).toBe(false);
    await context.close();
  });

  it('offer no registration where it is closed', async () => {
    const { body } = await app.admin.client.get('/users-permissions/advanced');
    const close = { body: { ...body.settings, allow_register: false } };
    expect((await app.admin.client.request('PUT', '/users-permissions/advanced', close)).status).toBe(200);
    const page = await (await openBrowser()).newPage();
    await page.goto('/chat/login');
    await page.getByRole('link', { name: 'Create an account' }).waitFor({ state: 'hidden' });
    await page.goto('/chat/register');
    await page.getByText('Nobody can register here at the moment.').waitFor();
    await page.context().close();
    const open = { body: body.settings };
    expect((await app.admin.client.request('PUT', '/users-permissions/advanced', open)).status).toBe(200);
  });
});

describeInBrowser('the login of two tabs of the chat page', () => {
  beforeAll(async () => {
    app = await startApp({ env: { AUTH_ACCESS_TOKEN_SECONDS: '2' } });
    browser = await launchBrowser();
  });
  afterAll(async () => {
    await browser.close();
    await app.stop();
  });

  it('is renewed once for both when its token has expired', async () => {
    const { user, context, page } = await openAccount();
    const tab = await context.newPage();
    await tab.goto('/chat/account');
    await tab.getByText(user.email).waitFor();
    for (const [one, name] of [
      [page, 'First'],
      [tab, 'Second'],
    ] as const) {
      await one.getByLabel('What is the token for?').fill(name);
    }
    const refused = createGate();
    let refusals = 0;
    context.on('response', (response) => {
      if (response.status() === 401 && response.url().endsWith('/api/chat/tokens')) refusals += 1;
      if (refusals === 2) refused.open();
    });
    let renewals = 0;
    // The first renewal lasts until the server has refused the requests of both tabs.
    await context.route('**/api/auth/refresh', async (route) => {
      renewals += 1;
      await refused.opened;
      await route.continue();
    });
    // The token is valid for two seconds.
    await page.waitForTimeout(2_500);
    await Promise.all([page, tab].map((one) => one.getByRole('button', { name: 'Create a token' }).click()));
    await page.getByRole('dialog', { name: 'First' }).waitFor();
    await tab.getByRole('dialog', { name: 'Second' }).waitFor();
    expect(renewals).toBe(1);
    await context.close();
  });
});
