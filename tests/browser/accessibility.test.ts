import axe from 'axe-core';
import type { Locator, Page } from 'playwright-core';

import {
  english as conversationTexts,
  chinese as conversationTextsZh,
} from '../../src/admin/conversations/translations';
import { english as formTexts, chinese as formTextsZh } from '../../src/admin/form/translations';
import { english as tryTexts, chinese as tryTextsZh } from '../../src/admin/try/translations';
import { english as usageTexts, chinese as usageTextsZh } from '../../src/admin/usage/translations';
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
async function faultsIn(part: Locator): Promise<string[]> {
  await part.page().evaluate(axe.source);
  const { violations, passes } = await part.evaluate((element) =>
    (window as unknown as { axe: typeof axe }).axe.run(element),
  );
  if (passes.length === 0) throw new Error(`axe has checked nothing in ${String(part)}.`);
  return violations.map(({ id, impact, nodes }) => `${id} (${impact}) ${nodes.length}: ${nodes[0]?.html}`);
}

const textsOf = ({ language }: PageOptions) =>
  language === 'en'
    ? { ...conversationTexts, ...formTexts, ...tryTexts, ...usageTexts, ...versionTexts }
    : {
        ...conversationTextsZh,
        ...formTextsZh,
        ...tryTextsZh,
        ...usageTextsZh,
        ...versionTextsZh,
      };

/** Checks parts of a page under a name, and keeps what axe finds. */
function createCheck(page: Page, { theme, language, width }: Required<PageOptions>) {
  const found: Record<string, string[]> = {};
  const look = async (name: string, ...parts: readonly Locator[]): Promise<void> => {
    await settle(page);
    const folder = process.env['PICTURES'];
    const file = `axe-${name}-${theme}-${language}-${width}.png`;
    if (folder !== undefined) await page.screenshot({ path: `${folder}/${file}` });
    const faults: string[] = [];
    for (const part of parts) faults.push(...(await faultsIn(part)));
    if (faults.length > 0) found[name] = faults;
  };
  return { found, look };
}

type Check = ReturnType<typeof createCheck>;
type Ids = { readonly documentId: string; readonly sessionId: string };

/** The pages of the menu, the log in the settings, and the widget of the home page. */
async function checkPages(page: Page, { look }: Check, texts: Texts, { sessionId }: Ids): Promise<void> {
  const main = page.locator('main');
  const widget = page.getByRole('region', { name: texts['character-chat.usage.widget'] });
  const chart = widget.locator('[role="img"]');
  await chart.waitFor();
  await chart.scrollIntoViewIfNeeded();
  // The frame of the widget, with its title and its handle, belongs to Strapi.
  await look('widget', chart.locator('xpath=../..'));
  await page.goto('/admin/character-chat-usage');
  await page.getByRole('grid').waitFor();
  await look('usage', main);
  await page.goto('/admin/conversations');
  await page.locator('tbody tr').first().waitFor();
  await look('conversations', main);
  await page.goto(`/admin/conversations/${sessionId}`);
  await page.getByRole('list', { name: texts['character-chat.conversations.transcript'] }).waitFor();
  await look('transcript', main);
  await page.goto('/admin/settings/character-chat-audit');
  await page.locator('tbody tr').first().waitFor();
  await look('audit', main);
}

/** The form of a character, with our fields, our panels, and the dialogs that they open. */
async function checkForm(page: Page, { look }: Check, texts: Texts, { documentId }: Ids): Promise<void> {
  const dialog = page.getByRole('dialog');
  const button = (name: keyof Texts) => page.getByRole('button', { name: texts[name], exact: true });
  await page.goto(`/admin/content-manager/collection-types/${uid}/${documentId}?plugins[i18n][locale]=en`);
  const prompt = page
    .locator('div')
    .filter({ has: page.locator('textarea[name="prompt"]') })
    .filter({ has: page.getByRole('button', { name: '{{char}}' }) })
    .last();
  const questions = page.getByRole('group').filter({ has: button('character-chat.form.questions.add') });
  const panels = [button('character-chat.try.open'), button('character-chat.versions.open')];
  for (const panel of panels) await panel.waitFor();
  // The other fields and the frames of the panels belong to Strapi. All panels have the same id for a label.
  await look('form', prompt, questions, ...panels.map((panel) => panel.locator('xpath=..')));
  await questions.scrollIntoViewIfNeeded();
  await look('questions', questions);
  // In a narrow window, Strapi's bar of actions can lie over a button, so the test uses the keyboard.
  await button('character-chat.try.open').press('Enter');
  await button('character-chat.try.earlier.show').press('Enter');
  await page.getByRole('article').first().waitFor();
  await look('try', dialog);
  await dialog.getByRole('checkbox').press('Space');
  await dialog.getByRole('log').nth(1).waitFor();
  await look('side-by-side', dialog);
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  await button('character-chat.versions.open').press('Enter');
  await dialog.getByRole('row').nth(1).waitFor();
  await look('versions', dialog);
}

type Texts = ReturnType<typeof textsOf>;

describeInBrowser('the pages of the workplace', () => {
  let panel: Panel;
  let ids: Ids;
  beforeAll(async () => {
    panel = await startPanel();
    const { app } = panel;
    const fields = { name: 'Ada', prompt: 'You are Ada.', suggested_questions: ['Who are you?', 'Why?'] };
    const { documentId } = await app.admin.createCharacter(fields);
    const { body } = await (await app.createUser()).ask({ character_id: documentId, query: 'Who are you?' });
    const sessionId: string = body.data[0].session_id;
    ids = { documentId, sessionId };
    await app.admin.publish(documentId, { prompt: 'You are Ada, a poet.' });
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
    const page = await panel.openAs(undefined, options);
    const check = createCheck(page, options);
    const texts = textsOf(options);
    await checkPages(page, check, texts, ids);
    await checkForm(page, check, texts, ids);
    expect(check.found).toEqual({});
    await page.context().close();
  });
});
