import type { Page } from 'playwright-core';

import { describeInBrowser } from './support/chromium';
import { startPanel, type Panel } from './support/panel';

const uid = 'api::ai-character.ai-character';

describeInBrowser('the panel of versions beside the form of a character', () => {
  let panel: Panel;
  let documentId: string;
  beforeAll(async () => {
    panel = await startPanel();
    const first = { name: 'Ada', prompt: 'You are Ada, a mathematician.' };
    ({ documentId } = await panel.app.admin.createCharacter(first));
    const user = await panel.app.createUser();
    await user.ask({ character_id: documentId, query: 'Hi' });
    await panel.app.admin.publish(documentId, { prompt: 'You are Ada, a poet.' });
  });
  afterAll(() => panel.stop());

  // Without the locale, the panel redirects, and a dialog that was opened before is closed.
  const form = () => `/admin/content-manager/collection-types/${uid}/${documentId}?plugins[i18n][locale]=en`;

  /** Writes a picture for a person to look at, into the folder that `PICTURES` names. */
  async function picture(page: Page, name: string): Promise<void> {
    const folder = process.env['PICTURES'];
    if (folder !== undefined) await page.screenshot({ path: `${folder}/${name}.png` });
  }

  it('lists the versions with their counts, and shows what changed', async () => {
    const page = await panel.openAs();
    await page.goto(form());
    await page.getByText('Version 2 is the newest one.').waitFor();
    await picture(page, 'versions-form');
    await page.getByRole('button', { name: 'Show versions' }).click();
    const rows = page.getByRole('dialog').getByRole('row');
    await rows.nth(2).waitFor();
    const cells = await rows.nth(2).getByRole('gridcell').allInnerTexts();
    expect(cells[0]).toBe('1');
    expect(cells[1]).toMatch(/Ada Editor/u);
    expect(cells[2]).toBe('1');

    await page.getByRole('button', { name: 'Compare version 2' }).click();
    const difference = page.locator('[data-field="prompt"]');
    await difference.waitFor();
    expect(await difference.locator('del').allInnerTexts()).toEqual(['mathematician']);
    expect(await difference.locator('ins').allInnerTexts()).toEqual(['poet']);
    await picture(page, 'versions-compare');
    expect(panel.pageErrors).toEqual([]);
  });

  it('restores a version as the draft', async () => {
    const page = await panel.openAs();
    await page.goto(form());
    await page.getByRole('button', { name: 'Show versions' }).click();
    await page.getByRole('button', { name: 'Restore version 1 as draft' }).click();
    await picture(page, 'versions-restore');
    await page.getByRole('button', { name: 'Restore as draft', exact: true }).click();
    await page.getByText('The draft has the texts of version 1 now.').waitFor();
    await page.locator('textarea[name="prompt"]', { hasText: 'mathematician' }).waitFor();
    expect(panel.pageErrors).toEqual([]);
  });

  it('is in Chinese and dark for who chooses it, and fits a narrow window', async () => {
    const page = await panel.openAs(undefined, { language: 'zh-Hans', theme: 'dark', width: 768 });
    await page.goto(form());
    // In a narrow window, Strapi's bar of actions can lie over the button, so the test uses the keyboard.
    await page.getByRole('button', { name: '查看版本' }).press('Enter');
    await page.getByRole('button', { name: '比较版本 2' }).click();
    await page.locator('[data-field="prompt"] ins').waitFor();
    await picture(page, 'versions-dark');
    expect(panel.pageErrors).toEqual([]);
  });

  it('does not exist for a role that may not read prompts', async () => {
    const properties = { fields: ['name'] };
    const read = { action: 'plugin::content-manager.explorer.read', subject: uid, properties };
    const role = await panel.app.admin.createRole('reads names', [read]);
    await panel.app.admin.createAdministrator(role);
    const page = await panel.openAs('administrator1@example.com');
    await page.goto(form());
    await page.locator('input[name="name"]').waitFor();
    expect(await page.getByText('Versions', { exact: true }).count()).toBe(0);
  });
});
