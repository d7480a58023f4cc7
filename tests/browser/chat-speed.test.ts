import type { Page } from 'playwright-core';

import { scale } from '../faults/support/scale';
import { fillMessages } from '../support/fill-messages';
import { answers, ask, startChat, waitForEnd, type Chat } from './support/chat';
import { describeInBrowser } from './support/chromium';

/** In the check, other tests run on the same processors. It finds a page that freezes for seconds. */
const maxBlockedMs = scale({ full: 100, smoke: 1_000 });
const maxFirstPaintMs = scale({ full: 1_000, smoke: 5_000 });

const repeatTo = (chars: number, text: string) => text.repeat(Math.ceil(chars / text.length));

/** Begins to measure the longest time that the page is blocked. @returns a function that returns it so far */
async function measureBlocking(page: Page): Promise<() => Promise<number>> {
  await page.evaluate(() => {
    const longest = { ms: 0 };
    Object.assign(window, { longest });
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) longest.ms = Math.max(longest.ms, duration);
    }).observe({ entryTypes: ['longtask'] });
  });
  return () => page.evaluate(() => (window as unknown as { longest: { ms: number } }).longest.ms);
}

/** Waits for the end of an answer, and until all of it is shown. */
async function waitForText(page: Page, end: string): Promise<void> {
  await waitForEnd(page);
  await answers(page).last().getByText(end).waitFor();
}

describeInBrowser('the chat page under load', () => {
  let chat: Chat;
  beforeAll(async () => {
    chat = await startChat();
  });
  afterAll(() => chat.stop());
  afterEach(async () => expect(await chat.closePages()).toEqual([]));

  const bursts = [
    { name: 'paragraphs', text: repeatTo(100_000, `${'word '.repeat(60)}\n\n`), block: 'p' },
    {
      name: 'one block of code',
      text: `\`\`\`js\n${repeatTo(100_000, 'let x = f(1, 2);\n')}\`\`\`\n`,
      block: '.code',
    },
    {
      name: 'one line of code',
      text: `\`\`\`\n${repeatTo(100_000, 'x = f(1, 2); ')}\n\`\`\`\n`,
      block: '.code',
    },
    { name: 'one list', text: repeatTo(100_000, '- an item with *many* `words`\n'), block: 'ul' },
    {
      name: 'one table',
      text: `| a | b |\n|---|---|\n${repeatTo(100_000, '| some | words |\n')}`,
      block: 'table',
    },
    { name: 'one paragraph', text: repeatTo(100_000, 'word '), block: 'p' },
  ];
  const cases = bursts.flatMap((burst) => [
    { ...burst, size: 'one event', charsOfEvent: Infinity },
    { ...burst, size: 'events of 5 characters', charsOfEvent: 5 },
  ]);

  it.each(cases)(
    'is not blocked by 100,000 characters of $name in $size',
    async ({ name, text, block, size, charsOfEvent }) => {
      const page = await chat.open({ choose: 'Maren' });
      chat.app.dify.script(async (reply) => {
        for (let at = 0; at < text.length; at += charsOfEvent)
          await reply.say(text.slice(at, at + charsOfEvent));
        await reply.say('\n\nThe end.');
        await reply.end();
      });
      const readMs = await measureBlocking(page);
      await ask(page, 'Tell me all');
      await waitForText(page, 'The end.');
      const ms = await readMs();
      process.stdout.write(`chat page · longest task while ${name} come in ${size}: ${ms} ms\n`);
      const blocks = answers(page).last().locator(`> ${block}, > .table > ${block}`);
      expect(await blocks.count()).toBe(
        name === 'paragraphs' ? text.split('\n\n').length : block === 'p' ? 2 : 1,
      );
      expect(ms).toBeLessThanOrEqual(maxBlockedMs);
    },
  );

  it('scrolls through 2,000 messages without blocking', async () => {
    const page = await chat.open({
      prepare: (userId) => fillMessages(chat.app.db, userId, 2000, { turnsOfSession: 1000 }),
    });
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

  it('paints first within a second without a cache', async () => {
    const page = await chat.open();
    const devtools = await page.context().newCDPSession(page);
    await devtools.send('Network.setCacheDisabled', { cacheDisabled: true });
    await page.reload();
    await page.getByText('Keeper of the lighthouse.').waitFor();
    const ms = await page.evaluate(
      () => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? Infinity,
    );
    process.stdout.write(`chat page · first paint without a cache after ${Math.round(ms)} ms\n`);
    expect(ms).toBeLessThan(maxFirstPaintMs);
  });
});
