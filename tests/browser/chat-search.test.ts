import type { Page } from 'playwright-core';

import { fillMessages } from '../support/fill-messages';
import { answers, ask, startChat, waitForEnd, type Chat } from './support/chat';
import { describeInBrowser } from './support/chromium';

describeInBrowser('a hit of the search on the chat page', () => {
  let chat: Chat;
  beforeAll(async () => {
    chat = await startChat();
  });
  afterAll(() => chat.stop());
  afterEach(async () => expect(await chat.closePages()).toEqual([]));

  const found = (page: Page) => page.locator('[data-found=true]');
  const search = (page: Page, text: string) => page.getByLabel('Search messages').fill(text);

  /** Waits until the message that was found is in view, and stays there. */
  const waitUntilInView = (page: Page) =>
    page.waitForFunction(() => {
      const message = document.querySelector('[data-found=true]')?.getBoundingClientRect();
      const list = document.querySelector('.messages')?.getBoundingClientRect();
      return message && list && message.top >= list.top && message.bottom <= list.bottom;
    });

  it.each([999, 3])('opens message %s of 2,000 in its place, and marks it', async (number) => {
    const word = `lantern${number}`;
    const page = await chat.open({
      async prepare(userId) {
        await fillMessages(chat.app.db, userId, 2_000, { turnsOfSession: 1_000 });
        const rows = chat.app
          .db('chat_conversations')
          .where({ user_id: userId })
          .orderBy('id')
          .offset(number - 1);
        const { id } = await rows.first('id');
        await chat.app
          .db('chat_conversations')
          .where({ id })
          .update({ query: `Where is the ${word}?` });
      },
    });
    const before = Date.now();
    await search(page, word);
    await page.locator('.hits a').click();
    await found(page).getByText(word).waitFor();
    await waitUntilInView(page);
    process.stdout.write(
      `chat page · message ${number} of 2,000 is in view after ${Date.now() - before} ms\n`,
    );
    expect(await found(page).count()).toBe(1);
    expect(await found(page).evaluate((element) => element === document.activeElement)).toBe(true);
    await page.reload();
    await found(page).getByText(word).waitFor();
    await waitUntilInView(page);
  });

  it('opens the version of the answer that has it, again after the user has scrolled', async () => {
    const page = await chat.open({ choose: 'Maren' });
    chat.answerWith('The first lamp.');
    await ask(page, 'Which lamp?');
    await waitForEnd(page);
    chat.answerWith('Another one.');
    await page.getByRole('button', { name: 'Answer again' }).click();
    await page.getByText('2 of 2').waitFor();
    chat.answerWith('Long ago.\n\n'.repeat(200));
    await ask(page, 'And when?');
    await page.locator('.exchange').nth(1).locator('[data-name=like]').waitFor();
    await search(page, 'first lamp');
    await page.locator('.hits a').click();
    await answers(page).getByText('The first lamp.').waitFor();
    await waitUntilInView(page);
    await page.locator('.messages').hover();
    await page.mouse.wheel(0, 2_000);
    await page.waitForFunction(() => (document.querySelector('.messages')?.scrollTop ?? 0) > 1_000);
    await page.locator('.hits a').click();
    await waitUntilInView(page);
  });

  it('that an edit has replaced is said to be gone', async () => {
    const page = await chat.open({ choose: 'Maren' });
    chat.answerWith('A lamp.');
    await ask(page, 'What is a lantern?');
    await waitForEnd(page);
    chat.answerWith('The sea.');
    await page.getByRole('button', { name: 'Edit the question' }).click();
    await page.getByLabel('Your question').fill('What is the sea?');
    await page.getByRole('button', { name: 'Ask again' }).click();
    await answers(page).getByText('The sea.').waitFor();
    await search(page, 'lantern');
    await page.locator('.hits a').click();
    await page.getByText('This message is no longer part of the conversation.').waitFor();
  });
});
