import type { Locator, Page } from 'playwright-core';

import { password } from '../support/admin';
import { answers, composer, startChat, type Chat } from './support/chat';
import { describeInBrowser } from './support/chromium';

const maxSteps = 80;

/** Returns what has the focus, if a user cannot see that it has. */
const findHiddenFocus = (page: Page) =>
  page.evaluate(() => {
    const element = document.activeElement;
    if (element === null || element === document.body) return null;
    const { left, top, width, height } = element.getBoundingClientRect();
    const shown = document.elementFromPoint(left + width / 2, top + Math.min(height, innerHeight - top) / 2);
    const isCovered = shown === null || !(element.contains(shown) || shown.contains(element));
    const frames = [element, element.parentElement].map((one) => one && getComputedStyle(one).outlineStyle);
    return isCovered || frames.every((style) => style === 'none') ? element.outerHTML.slice(0, 200) : null;
  });

const hasFocus = (target: Locator) =>
  target.evaluateAll((elements) => elements.includes(document.activeElement as HTMLElement));

/** Presses a key until an element has the focus. Each step on the way must be visible. */
async function moveTo(page: Page, target: Locator, key = 'Tab'): Promise<void> {
  await target.first().waitFor();
  for (let step = 0; step < maxSteps; step += 1) {
    if (await hasFocus(target)) return;
    await page.keyboard.press(key);
    expect(await findHiddenFocus(page)).toBeNull();
  }
  throw new Error(`The focus does not reach ${String(target)}.`);
}

async function waitForFocus(page: Page, target: Locator): Promise<void> {
  await target.waitFor();
  const element = await target.elementHandle();
  await page.waitForFunction((one) => document.activeElement === one, element);
  expect(await findHiddenFocus(page)).toBeNull();
}

describeInBrowser('the chat page by keyboard alone', () => {
  let chat: Chat;
  beforeAll(async () => {
    chat = await startChat();
  });
  afterAll(() => chat.stop());
  afterEach(async () => expect(await chat.closePages()).toEqual([]));

  const button = (page: Page, name: string | RegExp) => page.getByRole('button', { name });

  async function logInByKeyboard(page: Page): Promise<void> {
    const username = await chat.createUser();
    await page.goto('/chat/');
    await moveTo(page, page.getByLabel('Email or username'));
    await page.keyboard.type(username);
    await moveTo(page, page.getByLabel('Password'));
    await page.keyboard.type(password);
    await page.keyboard.press('Enter');
    await moveTo(page, button(page, 'Maren'));
    await page.keyboard.press('Enter');
    await waitForFocus(page, composer(page));
  }

  /** Asks, and stops the answer. */
  async function askAndStop(page: Page): Promise<void> {
    chat.app.dify.script(async (reply) => {
      await reply.say('Hello ');
      await reply.closed;
    });
    await page.keyboard.type('What of the lamp?');
    await page.keyboard.press('Enter');
    await answers(page).getByText('Hello').waitFor();
    await page.keyboard.press('Escape');
    await page.getByText('You stopped this answer.').first().waitFor();
  }

  it('can log in, choose, ask, stop, answer again, rate, rename, delete, restore and search', async () => {
    const page = await chat.openPage();
    await logInByKeyboard(page);
    await askAndStop(page);
    await waitForFocus(page, composer(page));
    chat.answerWith('The lamp is lit.');
    await moveTo(page, button(page, 'Answer again'), 'Shift+Tab');
    await page.keyboard.press('Enter');
    await answers(page).getByText('The lamp is lit.').waitFor();
    await moveTo(page, button(page, 'Good answer'), 'Shift+Tab');
    await page.keyboard.press('Space');
    await page.locator('[aria-pressed=true]').waitFor();

    await moveTo(page, button(page, /^Options for/u), 'Shift+Tab');
    await page.keyboard.press('Enter');
    await waitForFocus(page, page.getByRole('menuitem', { name: 'Rename' }));
    await page.keyboard.press('Enter');
    await waitForFocus(page, page.getByLabel('Title'));
    await page.keyboard.press('Control+A');
    await page.keyboard.type('Lamps');
    await page.keyboard.press('Enter');
    await waitForFocus(page, button(page, 'Options for “Lamps”'));

    await page.keyboard.press('Enter');
    await waitForFocus(page, page.getByRole('menuitem', { name: 'Rename' }));
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await waitForFocus(page, button(page, 'Undo'));
    await page.keyboard.press('Enter');
    await waitForFocus(page, page.getByRole('link', { name: 'Lamps' }));

    await moveTo(page, page.getByLabel('Search messages'), 'Shift+Tab');
    await page.keyboard.type('lamp is');
    await moveTo(page, page.locator('.hits a'));
    await page.keyboard.press('Enter');
    await waitForFocus(page, page.locator('[data-found=true]'));
  });

  it('has menus that arrow keys walk through, and that Escape closes', async () => {
    const page = await chat.open();
    await moveTo(page, button(page, 'Theme'));
    await page.keyboard.press('Enter');
    await waitForFocus(page, page.getByRole('menuitemradio', { name: 'As the system' }));
    await page.keyboard.press('ArrowUp');
    await waitForFocus(page, page.getByRole('menuitemradio', { name: 'Dark' }));
    await page.keyboard.press('Escape');
    await waitForFocus(page, button(page, 'Theme'));
    expect(await page.getByRole('menu').count()).toBe(0);
  });

  it('skips the list of conversations by the first link', async () => {
    const page = await chat.open();
    await moveTo(page, page.getByRole('link', { name: 'Skip to the chat' }));
    await page.keyboard.press('Enter');
    await moveTo(page, button(page, 'Maren'));
  });
});
