import axe from 'axe-core';
import type { Page } from 'playwright-core';

import {
  english as conversationTexts,
  chinese as conversationTextsZh,
} from '../../src/admin/conversations/translations';
import { english as tryTexts, chinese as tryTextsZh } from '../../src/admin/try/translations';
import { english as versionTexts, chinese as versionTextsZh } from '../../src/admin/versions/translations';
import { isFull } from '../faults/support/scale';
import { describeInBrowser } from './support/chromium';
import { startPanel, type PageOptions, type Panel } from './support/panel';

const uid = 'api::ai-character.ai-character';

/** The check looks at each theme, language and width once. `check:full` looks at all combinations. */
const few: Required<PageOptions>[] = [
  { theme: 'light', language: 'en', width: 1280 },
  { theme: 'dark', language: 'zh-Hans', width: 768 },
];
const all = (['light', 'dark'] as const).flatMap((theme) =>
  (['en', 'zh-Hans'] as const).flatMap((language) =>
    [1280, 768].map((width) => ({ theme, language, width })),
  ),
);

/** Waits for the end of animations. A dialog that still fades in has other contrasts. */
async function settle(page: Page): Promise<void> {
  await page.evaluate(async () => {
    const ending = document
      .getAnimations()
      .filter(({ effect }) => effect?.getComputedTiming().endTime !== Infinity);
    await Promise.allSettled(ending.map(({ finished }) => finished));
  });
}

/** What axe finds in a part of a page: the rule, its weight, and the first place. */
async function faultsIn(page: Page, part: string): Promise<string[]> {
  await page.evaluate(axe.source);
  const { violations, passes } = await page.evaluate(
    (selector) => (window as unknown as { axe: typeof axe }).axe.run(selector),
    part,
  );
  if (passes.length === 0) throw new Error(`axe has checked nothing in ${part}.`);
  return violations.map(({ id, impact, nodes }) => `${id} (${impact}) ${nodes.length}: ${nodes[0]?.html}`);
}

describeInBrowser('the pages of the workplace', () => {
  let panel: Panel;
  let documentId: string;
  let sessionId: string;
  let administrators = 0;
  beforeAll(async () => {
    panel = await startPanel();
    const { app } = panel;
    ({ documentId } = await app.admin.createCharacter({ name: 'Ada', prompt: 'You are Ada.' }));
    const { body } = await (await app.createUser()).ask({ character_id: documentId, query: 'Who are you?' });
    sessionId = body.data[0].session_id;
    const trial = { trialId: 'trial-of-axe', documentId, side: 'draft', query: 'Who are you?' };
    const tried = await fetch(`${app.url}/admin/character-chat/trials`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${app.admin.client.token}`, 'Content-Type': 'application/json' },
      body: JSON.stringify(trial),
    });
    expect(await tried.text()).toContain('completed');
    await app.admin.client.get(`/admin/character-chat/conversations/${sessionId}`);
  });
  afterAll(() => panel.stop());

  it.each(isFull ? all : few)('have no fault that axe finds in %j', async (options) => {
    // Strapi takes few logins of one account in a short time.
    const { admin } = panel.app;
    await admin.createAdministrator(await admin.findRole('strapi-super-admin'));
    administrators += 1;
    const page = await panel.openAs(`administrator${administrators}@example.com`, options);
    const [tries, versions, conversations] =
      options.language === 'en'
        ? [tryTexts, versionTexts, conversationTexts]
        : [tryTextsZh, versionTextsZh, conversationTextsZh];
    const found: Record<string, string[]> = {};
    const look = async (name: string, part: string) => {
      await settle(page);
      const folder = process.env['PICTURES'];
      const file = `axe-${name}-${options.theme}-${options.language}-${options.width}.png`;
      if (folder !== undefined) await page.screenshot({ path: `${folder}/${file}` });
      found[name] = await faultsIn(page, part);
    };

    await page.goto('/admin/character-chat-usage');
    await page.getByRole('grid').waitFor();
    await look('usage', 'main');
    await page.goto('/admin/conversations');
    await page.locator('tbody tr').first().waitFor();
    await look('conversations', 'main');
    await page.goto(`/admin/conversations/${sessionId}`);
    await page
      .getByRole('list', { name: conversations['character-chat.conversations.transcript'] })
      .waitFor();
    await look('transcript', 'main');
    await page.goto('/admin/settings/character-chat-audit');
    await page.locator('tbody tr').first().waitFor();
    await look('audit', 'main');

    await page.goto(`/admin/content-manager/collection-types/${uid}/${documentId}?plugins[i18n][locale]=en`);
    // In a narrow window, Strapi's bar of actions can lie over a button, so the test uses the keyboard.
    await page.getByRole('button', { name: tries['character-chat.try.open'] }).press('Enter');
    await page.getByRole('button', { name: tries['character-chat.try.earlier.show'] }).press('Enter');
    await page.getByRole('article').first().waitFor();
    await look('try', '[role="dialog"]');
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await page.getByRole('button', { name: versions['character-chat.versions.open'] }).press('Enter');
    await page.getByRole('dialog').getByRole('row').nth(1).waitFor();
    await look('versions', '[role="dialog"]');
    expect(Object.values(found).flat()).toEqual([]);
  });
});
