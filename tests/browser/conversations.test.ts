import { readFile } from 'node:fs/promises';

import type { Page } from 'playwright-core';

import { describeInBrowser } from './support/chromium';
import { startPanel, type Panel } from './support/panel';

const question = 'Who keeps the lighthouse?';

describeInBrowser('the conversations in the admin panel', () => {
  let panel: Panel;
  beforeAll(async () => {
    panel = await startPanel();
    const { app } = panel;
    const [ann, bob] = [await app.createUser(), await app.createUser()];
    const { documentId: ada } = await app.admin.createCharacter({ name: 'Ada' });
    const { documentId: grace } = await app.admin.createCharacter({ name: 'Grace' });
    const { body } = await ann.ask({ character_id: ada, query: question });
    const [, answer] = body.data;
    await ann.request('PUT', `/api/chat-conversations/messages/${answer.message_id}/feedback`, {
      body: { data: { rating: 'like' } },
    });
    app.dify.next({ name: 'refuse', code: 'invalid_param', message: 'No such input: colour' });
    await bob.ask({ character_id: grace, query: 'Which colour is the fog?' });
    await app.admin.createAdministrator(await app.admin.findRole('strapi-editor'));
  });
  afterAll(() => panel.stop());

  const rows = (page: Page) => page.locator('tbody tr');

  it('are found by filters and by a search, which the address keeps', async () => {
    const page = await panel.openAs();
    await page.getByRole('link', { name: 'Conversations' }).click();
    await rows(page).nth(1).waitFor();
    await page.getByRole('combobox', { name: 'Outcome of an answer' }).click();
    await page.getByRole('option', { name: 'Failed' }).click();
    await rows(page).nth(1).waitFor({ state: 'detached' });
    expect(await rows(page).innerText()).toMatch(/user2\s+Grace[^]*Failed 1/iu);
    await page.getByRole('button', { name: 'Clear filters' }).click();
    await page.getByPlaceholder('Search in messages').fill('LIGHTHOUSE');
    await page.keyboard.press('Enter');
    await page.locator('mark').first().waitFor();
    await page.reload();
    await page.locator('mark').first().waitFor();
    expect(new URL(page.url()).search).toBe('?q=LIGHTHOUSE');
    expect(await rows(page).count()).toBe(1);
    expect(panel.pageErrors).toEqual([]);
  });

  it('read like a chat, with tokens, price and rating, and are exported', async () => {
    const page = await panel.openAs();
    await page.goto('/admin/conversations?user=user1');
    await rows(page).getByRole('link').click();
    const messages = page.getByRole('list', { name: 'Messages' }).getByRole('listitem');
    await messages.nth(1).waitFor();
    expect(await messages.nth(0).innerText()).toContain(question);
    expect(await messages.nth(1).innerText()).toMatch(/\d+ tokens · [\d.]+ USD · [^]*Liked/u);
    await page.reload();
    await messages.nth(1).waitFor();

    await page.getByRole('button', { name: 'Export' }).click();
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('menuitem', { name: 'Markdown' }).click(),
    ]);
    expect(await readFile(await download.path(), 'utf8')).toContain(`> ${question}`);
    await page.getByRole('link', { name: 'Back to conversations' }).click();
    await rows(page).first().waitFor();
    expect(new URL(page.url()).search).toBe('?user=user1');
    expect(panel.pageErrors).toEqual([]);
  });

  it('show why an answer failed', async () => {
    const page = await panel.openAs();
    await page.goto('/admin/conversations?outcome=failed');
    await rows(page).getByRole('link').click();
    await page.getByText('No such input: colour').waitFor();
    expect(panel.pageErrors).toEqual([]);
  });

  it('are hidden from an Editor', async () => {
    const page = await panel.openAs('administrator1@example.com');
    await page.getByRole('link', { name: 'Content Manager' }).waitFor();
    expect(await page.getByRole('link', { name: 'Conversations' }).count()).toBe(0);
    await page.goto('/admin/conversations');
    await page.getByText("You don't have the permissions to access that content").waitFor();
    expect(panel.pageErrors).toEqual([]);
  });

  it('leave a log, which a Super Admin reads', async () => {
    const page = await panel.openAs();
    await page.goto('/admin/conversations');
    await page.getByRole('link', { name: 'Log of conversations read' }).click();
    await page.waitForURL(/character-chat-audit/u);
    await page.getByText('admin@example.com').first().waitFor();
    const log = await page.locator('tbody').innerText();
    expect(log).toContain('admin@example.com');
    for (const action of ['Opened', 'Searched', 'Exported']) expect(log).toContain(action);
    expect(log).not.toContain('lighthouse');
    expect(panel.pageErrors).toEqual([]);
  });
});
