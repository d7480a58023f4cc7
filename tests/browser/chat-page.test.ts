import type { Browser, BrowserContextOptions, Page } from 'playwright-core';

import { password } from '../support/admin';
import { startApp, type App } from '../support/app';
import { scale } from '../faults/support/scale';
import { canaries } from '../support/canaries';
import { fillMessages } from '../support/fill-messages';
import { pixel } from '../support/multipart';
import { checkAccessibility } from './support/accessibility';
import { describeInBrowser } from './support/chromium';
import { launchBrowser } from './support/panel';

const timeoutMs = 30_000;
/** In the check, other tests run on the same processors. It finds a page that freezes for seconds. */
const maxBlockedMs = scale({ full: 100, smoke: 1_000 });
const maxFirstPaintMs = scale({ full: 1_000, smoke: 5_000 });

/** Texts of public lists that run a script in pages which insert them as HTML. */
const attacks = [
  '<img src=x onerror="window.hacked=1">',
  '<script>window.hacked=1</script>',
  '"><svg/onload=window.hacked=1>',
  '<svg><animate onbegin=window.hacked=1 attributeName=x dur=1s>',
  '<details open ontoggle=window.hacked=1>',
  '<input autofocus onfocus=window.hacked=1>',
  '<video src=x onerror=window.hacked=1><audio src=x onerror=window.hacked=1>',
  '<iframe srcdoc="<script>parent.hacked=1</script>"></iframe>',
  '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=x onerror=window.hacked=1&gt;">',
  '<noscript><p title="</noscript><img src=x onerror=window.hacked=1>">',
  '<form action="javascript:window.hacked=1"><button formaction="javascript:window.hacked=1">x</button></form>',
  '<object data="javascript:window.hacked=1"></object><embed src="javascript:window.hacked=1">',
  '<a href="javascript:window.hacked=1">x</a> [x](javascript:window.hacked=1) [x](JaVaScRiPt&colon;window.hacked=1)',
  '[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==) [x](vbscript:x) <javascript:window.hacked=1>',
  '![x](x" onerror="window.hacked=1) ![x](javascript:window.hacked=1)',
  '[x]: javascript:window.hacked=1 "x"\n\n[x]',
  '```html" onmouseover="window.hacked=1\n<img src=x onerror=window.hacked=1>\n```',
  '<style>@import "javascript:window.hacked=1"; body { display: none }</style><link rel=stylesheet href=x>',
];

let app: App;
let browser: Browser;
let users = 0;
const problems: string[] = [];

/** Opens the chat page as a new user, in a browser of its own. It notes errors of the page. */
async function openChat(
  options: BrowserContextOptions = {},
  prepare: (userId: number) => Promise<void> = async () => {},
): Promise<Page> {
  users += 1;
  const username = `talker${users}`;
  const { body } = await app.anonymous.post('/api/auth/local/register', {
    username,
    email: `${username}@example.com`,
    password,
  });
  await prepare(body.user.id);
  const context = await browser.newContext({ baseURL: app.url, locale: 'en-US', ...options });
  context.setDefaultTimeout(timeoutMs);
  context.on('weberror', (error) => void problems.push(error.error().message));
  context.on('console', (message) => {
    // Chromium reports lost connections and refused requests, which the tests cause.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
      problems.push(message.text());
  });
  const page = await context.newPage();
  await logIn(page, username);
  return page;
}

async function logIn(page: Page, username: string): Promise<void> {
  await page.goto('/chat/login');
  await page.locator('input[name=identifier]').fill(username);
  await page.locator('input[type=password]').fill(password);
  await page.locator('main button[type=submit]').click();
  await page.waitForURL('**/chat/');
}

const composer = (page: Page) => page.locator('.composer textarea');
const answers = (page: Page) => page.locator('.exchange .answer .markdown');

async function choose(page: Page, name = 'Maren'): Promise<void> {
  await page.getByRole('button', { name }).click();
}

async function ask(page: Page, question: string): Promise<void> {
  await composer(page).fill(question);
  await composer(page).press('Enter');
}

/** Lets Dify answer the next question with this text, and end. */
function answerWith(text: string): void {
  app.dify.script(async (reply) => {
    await reply.say(text);
    await reply.end();
  });
}

/** Lets Dify say the first part, and the second one after `goOn`. */
function answerInTwoParts(first: string, second: string): () => void {
  let goOn = () => {};
  const gate = new Promise<void>((resolve) => (goOn = resolve));
  app.dify.script(async (reply) => {
    await reply.say(first);
    await gate;
    await reply.say(second);
    await reply.end();
  });
  return goOn;
}

/** Writes a picture for a person to look at, into the folder that `PICTURES` names. */
async function picture(page: Page, name: string): Promise<void> {
  const folder = process.env['PICTURES'];
  if (folder !== undefined) await page.screenshot({ path: `${folder}/${name}.png` });
}

describeInBrowser('the chat page', () => {
  beforeAll(async () => {
    app = await startApp({
      dify: { apps: [{ key: `app-${canaries.key}`, mode: 'chat', takesFiles: true }] },
    });
    await app.admin.createCharacter({
      name: 'Maren',
      introduce: 'Keeper of the lighthouse.',
      opening_statement: 'Ahoy. Come in.',
      suggested_questions: ['Is it lonely out here?'],
    });
    browser = await launchBrowser();
  });
  afterAll(async () => {
    await browser.close();
    await app.stop();
  });
  afterEach(async () => {
    app.dify.reset();
    await Promise.all(browser.contexts().map((context) => context.close()));
    expect(problems.splice(0)).toEqual([]);
  });

  it('shows a character, asks its suggested question, and renders the Markdown of the answer', async () => {
    const page = await openChat();
    await page.getByText('Keeper of the lighthouse.').waitFor();
    await picture(page, 'chat-start');
    await choose(page);
    await page.getByText('Ahoy. Come in.').waitFor();
    answerWith('A **bold** word.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```js\nlet x = 1;\n```\n\nThe end.');
    await page.getByRole('button', { name: 'Is it lonely out here?' }).click();
    await page.getByRole('button', { name: 'Good answer' }).waitFor();
    expect(await answers(page).locator('strong').allInnerTexts()).toEqual(['bold']);
    expect(await answers(page).locator('td').allInnerTexts()).toEqual(['1', '2']);
    expect(await answers(page).locator('pre').innerText()).toContain('let x = 1;');
    await page.getByRole('button', { name: 'Copy code' }).waitFor();
    await page.waitForURL('**/chat/c/*');
    expect(await checkAccessibility(page)).toEqual([]);
    await picture(page, 'chat-answer');
  });

  it('stops an answer by Escape', async () => {
    const page = await openChat();
    await choose(page);
    app.dify.script(async (reply) => {
      await reply.say('Hello ');
      await reply.closed;
    });
    await ask(page, 'Hi');
    await answers(page).getByText('Hello').waitFor();
    await page.keyboard.press('Escape');
    await page.getByText('You stopped this answer.').waitFor();
  });

  it('continues an answer after a reload in its middle, and in a second tab', async () => {
    const page = await openChat();
    await choose(page);
    const goOn = answerInTwoParts('First half. ', 'Second half.');
    await ask(page, 'Hi');
    await answers(page).getByText('First half.').waitFor();
    await page.waitForURL('**/chat/c/*');
    const other = await page.context().newPage();
    await other.goto(page.url());
    await page.reload();
    for (const tab of [page, other]) await answers(tab).getByText('First half.').waitFor();
    goOn();
    for (const tab of [page, other]) {
      await tab.getByRole('button', { name: 'Good answer' }).waitFor();
      // A tab in the background draws no frames, so its text can come later than its buttons.
      await answers(tab).getByText('First half. Second half.', { exact: true }).waitFor();
    }
    answerWith('To both.');
    await ask(page, 'And now?');
    await answers(other).getByText('To both.').waitFor();
  });

  it('shows what another device asks, while it is answered', async () => {
    const page = await openChat();
    await choose(page);
    answerWith('Welcome.');
    await ask(page, 'Hello');
    await page.getByRole('button', { name: 'Good answer' }).waitFor();
    const device = await (await browser.newContext({ baseURL: app.url, locale: 'en-US' })).newPage();
    await logIn(device, `talker${users}`);
    await device.goto(page.url());
    await answers(device).getByText('Welcome.').waitFor();
    const goOn = answerInTwoParts('From far ', 'away.');
    await ask(device, 'And from my phone?');
    await answers(page).getByText('From far').waitFor();
    goOn();
    await answers(page).getByText('From far away.').waitFor();
    expect(await page.getByText('And from my phone?', { exact: true }).count()).toBe(1);
  });

  it('continues an answer after five seconds offline', async () => {
    const page = await openChat();
    await choose(page);
    const goOn = answerInTwoParts('First half. ', 'Second half.');
    await ask(page, 'Hi');
    await answers(page).getByText('First half.').waitFor();
    await page.context().setOffline(true);
    await page.getByText('You are offline.', { exact: false }).waitFor();
    goOn();
    await page.waitForTimeout(5_000);
    await page.context().setOffline(false);
    await page.getByRole('button', { name: 'Good answer' }).waitFor();
    await answers(page).getByText('First half. Second half.', { exact: true }).waitFor();
  });

  it('answers again with versions, edits a question, and keeps a rating over a reload', async () => {
    const page = await openChat();
    await choose(page);
    answerWith('One.');
    await ask(page, 'Count');
    await page.getByRole('button', { name: 'Good answer' }).click();
    await page.locator('[aria-pressed=true]').waitFor();
    await page.reload();
    await page.locator('[aria-pressed=true]').waitFor();
    answerWith('Two.');
    await page.getByRole('button', { name: 'Answer again' }).click();
    await page.getByText('2 of 2').waitFor();
    await page.getByRole('button', { name: 'Previous version' }).click();
    await answers(page).getByText('One.').waitFor();
    answerWith('Three.');
    await page.getByRole('button', { name: 'Edit the question' }).click();
    await page.getByLabel('Your question').fill('Count on');
    await page.getByRole('button', { name: 'Ask again' }).click();
    await answers(page).getByText('Three.').waitFor();
    await page.getByText('Count on').first().waitFor();
  });

  it('renames, finds, deletes and restores a conversation', async () => {
    const page = await openChat();
    await choose(page);
    answerWith('The lamp is lit.');
    await ask(page, 'What of the lamp?');
    await page.getByRole('button', { name: 'Good answer' }).waitFor();
    await page.getByRole('button', { name: /^Options for/u }).click();
    await page.getByRole('menuitem', { name: 'Rename' }).click();
    await page.getByLabel('Title').fill('Lamps');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('link', { name: 'Lamps' }).waitFor();
    await page.getByLabel('Search messages').fill('lamp is');
    await page.locator('mark').getByText('lamp is').waitFor();
    await page.getByLabel('Search messages').fill('');
    await page.getByRole('button', { name: 'Options for “Lamps”' }).click();
    await page.getByRole('menuitem', { name: 'Delete' }).click();
    await page.getByText('No conversations yet.').waitFor();
    await page.getByRole('button', { name: 'Undo' }).click();
    await page.getByRole('link', { name: 'Lamps' }).waitFor();
  });

  it('says a failure in the language of the user, on a dark phone', async () => {
    const page = await openChat({
      locale: 'zh-CN',
      colorScheme: 'dark',
      viewport: { width: 390, height: 844 },
    });
    await choose(page);
    app.dify.next({ name: 'eof-after-deltas', after: 2 });
    await ask(page, '你好');
    await page.getByText('回答在此中断。').waitFor();
    await page.getByRole('button', { name: '重试' }).waitFor();
    expect(await checkAccessibility(page)).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
    await picture(page, 'chat-phone');
    await page.getByRole('button', { name: '打开对话列表' }).click();
    await page.getByRole('button', { name: '新对话' }).waitFor();
    await picture(page, 'chat-phone-side');
  });

  it('runs nothing of hostile texts', async () => {
    const [attack = ''] = attacks;
    const markdown = attacks.join('\n\n');
    await app.admin.createCharacter({
      name: `Eve ${attack}`,
      introduce: attack,
      opening_statement: markdown,
      suggested_questions: [attack],
    });
    const page = await openChat();
    await choose(page, 'Eve');
    answerWith(markdown);
    await ask(page, markdown);
    await page.getByRole('button', { name: 'Good answer' }).waitFor();
    await page.reload();
    await page.getByRole('button', { name: 'Good answer' }).waitFor();
    const alive =
      'script, img, svg:not(.icon), iframe, object, embed, video, audio, details, style, link, math, form form';
    expect(await page.locator('main').locator(alive).count()).toBe(0);
    const addresses = await page
      .locator('main a')
      .evaluateAll((links) => links.map((link) => link.getAttribute('href')));
    expect(addresses.filter((href) => href !== null && !/^(?:https?:|mailto:|\/)/u.test(href))).toEqual([]);
    expect(await page.evaluate(() => 'hacked' in window)).toBe(false);
  });

  it('keeps a conversation readable when its character is unpublished', async () => {
    const { documentId } = await app.admin.createCharacter({ name: 'Brief', prompt: 'You are Brief.' });
    const page = await openChat();
    await choose(page, 'Brief');
    answerWith('Soon gone.');
    await ask(page, 'Hi');
    await page.getByRole('button', { name: 'Good answer' }).waitFor();
    const uid = 'api::ai-character.ai-character';
    const path = `/content-manager/collection-types/${uid}/${documentId}/actions/unpublish`;
    await app.admin.client.request('POST', path, { body: {} });
    await page.reload();
    await answers(page).getByText('Soon gone.').waitFor();
    await page.getByText('This character is no longer available.', { exact: false }).waitFor();
    expect(await composer(page).count()).toBe(0);
  });

  it('does not block the page while 100,000 characters arrive together', async () => {
    const page = await openChat();
    await choose(page);
    await page.evaluate(() => {
      const longest = { ms: 0 };
      Object.assign(window, { longest });
      new PerformanceObserver((list) => {
        for (const { duration } of list.getEntries()) longest.ms = Math.max(longest.ms, duration);
      }).observe({ entryTypes: ['longtask'] });
    });
    const paragraph = `${'word '.repeat(60)}\n\n`;
    answerWith(paragraph.repeat(Math.ceil(100_000 / paragraph.length)));
    await ask(page, 'Tell me all');
    await page.getByRole('button', { name: 'Good answer' }).waitFor();
    const ms = await page.evaluate(() => (window as unknown as { longest: { ms: number } }).longest.ms);
    process.stdout.write(`chat page · longest task while 100,000 characters arrive: ${ms} ms\n`);
    expect(ms).toBeLessThanOrEqual(maxBlockedMs);
  });

  it('sends a file, whose hostile name runs nothing', async () => {
    const page = await openChat();
    await choose(page);
    const name = '<img src=x onerror="window.hacked=1">.png';
    await page.locator('input[type=file]').setInputFiles({ name, mimeType: 'image/png', buffer: pixel });
    await page.getByText(name).waitFor();
    answerWith('A dot.');
    await ask(page, 'What is this?');
    await page.getByRole('button', { name: 'Good answer' }).waitFor();
    const asked = app.dify.requests.filter(({ path }) => path.endsWith('/chat-messages')).at(-1);
    expect(asked?.body).toMatchObject({ files: [{ type: 'image', transfer_method: 'local_file' }] });
    await page.getByText('File (image)').waitFor();
    expect(await page.evaluate(() => 'hacked' in window)).toBe(false);
  });

  it('scrolls through 2,000 messages without blocking the page', async () => {
    const page = await openChat({}, (userId) => fillMessages(app.db, userId, 2000, { turnsOfSession: 1000 }));
    await page.getByRole('link', { name: 'A session' }).click();
    await page.locator('.exchange').first().waitFor();
    const list = page.locator('.messages');
    for (let shown = await page.locator('.exchange').count(); shown < 1000;) {
      await list.evaluate((element) => element.scrollTo({ top: 0 }));
      await page.waitForFunction((before) => document.querySelectorAll('.exchange').length > before, shown);
      shown = await page.locator('.exchange').count();
    }
    const longest = await list.evaluate(async (element) => {
      const nextFrame = () => new Promise<number>((resolve) => requestAnimationFrame(resolve));
      let ms = 0;
      const observer = new PerformanceObserver((found) => {
        for (const { duration } of found.getEntries()) ms = Math.max(ms, duration);
      });
      await nextFrame();
      observer.observe({ entryTypes: ['longtask'] });
      for (let step = 0; step < 60; step += 1) {
        element.scrollTop = (element.scrollHeight * (step % 30)) / 30;
        await nextFrame();
      }
      return ms;
    });
    process.stdout.write(`chat page · longest task while 2,000 messages scroll: ${longest} ms\n`);
    expect(longest).toBeLessThanOrEqual(maxBlockedMs);
  });

  it('paints first within a second', async () => {
    const page = await openChat();
    await page.reload();
    await page.getByText('Keeper of the lighthouse.').waitFor();
    const ms = await page.evaluate(
      () => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? Infinity,
    );
    process.stdout.write(`chat page · first paint after ${Math.round(ms)} ms\n`);
    expect(ms).toBeLessThan(maxFirstPaintMs);
  });
});
