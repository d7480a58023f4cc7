import type { Page } from 'playwright-core';

import type { CharacterFields } from '../support/admin';
import { canaries } from '../support/canaries';
import { describeInBrowser } from './support/chromium';
import { startPanel, type Panel } from './support/panel';

const uid = 'api::ai-character.ai-character';
const list = `/admin/content-manager/collection-types/${uid}`;
const maxPromptChars = 40;

describeInBrowser('the form of a character', () => {
  let panel: Panel;
  /** Strapi limits the logins of a minute, so the tests share a page. */
  let page: Page;
  beforeAll(async () => {
    panel = await startPanel({
      dify: {
        apps: [
          {
            key: `app-${canaries.key}`,
            mode: 'chat',
            form: [{ type: 'paragraph', variable: 'prompt', maxLength: maxPromptChars }],
          },
        ],
      },
    });
    page = await panel.openAs();
  });
  afterAll(() => panel.stop());

  /** Opens the form of a new draft. */
  async function openDraft(fields: CharacterFields, on = page) {
    const { documentId } = await panel.app.admin.createDraft(fields);
    // Without the locale, the panel redirects, and what was entered before is lost.
    await on.goto(`${list}/${documentId}?plugins[i18n][locale]=en`);
    return documentId;
  }

  const questionsOf = async (documentId: string): Promise<unknown> => {
    const row = await panel.app.db('ai_characters').where({ document_id: documentId }).first();
    const saved: unknown = row.suggested_questions;
    return typeof saved === 'string' ? JSON.parse(saved) : saved;
  };

  it('names the prompt if it is missing at the publish, and publishes once it is there', async () => {
    await openDraft({ name: 'Mute' });
    await page.getByRole('button', { name: 'Publish', exact: true }).click();
    const message = 'A character without a prompt cannot answer. Write one before you publish.';
    await page.getByText(message).first().waitFor();
    await page.locator('textarea[name="prompt"][aria-invalid="true"]').waitFor();

    await page.getByLabel('Prompt', { exact: true }).fill('You are Mute no more.');
    await page.getByRole('button', { name: 'Publish', exact: true }).click();
    await page.getByText('Published document').waitFor();
    expect(panel.pageErrors).toEqual([]);
  });

  it('counts the prompt against the limit of the Dify app, with the name filled in', async () => {
    await openDraft({ name: 'Ada' });
    const prompt = page.getByLabel('Prompt', { exact: true });
    await prompt.fill('I am ');
    await page.getByRole('button', { name: 'Insert {{char}}' }).click();
    await page.getByText('8 of 40 characters').waitFor();
    expect(await prompt.inputValue()).toBe('I am {{char}}');
    await prompt.fill('😀'.repeat(maxPromptChars + 2));
    await page.getByText('The prompt is too long for the Dify app by 2 characters.').waitFor();
  });

  it('adds, reorders and removes suggested questions by keyboard, and saves them as a list', async () => {
    const documentId = await openDraft({ name: 'Ada', suggested_questions: ['First?'] });
    await page.getByRole('group', { name: 'Suggested questions' }).waitFor();
    await page.getByRole('button', { name: 'Add a question' }).press('Enter');
    await page.keyboard.type('Second?');
    await page.getByRole('button', { name: 'Add a question' }).press('Enter');
    await page.keyboard.type('Third?');
    await page.getByRole('button', { name: 'Move question 3 up' }).press('Enter');
    await page.keyboard.press('Enter');
    await page.getByText('The question is now at place 1 of 3.').waitFor();
    await page.getByRole('button', { name: 'Remove question 2' }).press('Enter');
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await page.getByText('Saved document').waitFor();
    expect(await questionsOf(documentId)).toEqual(['Third?', 'Second?']);
  });

  it('has Chinese labels', async () => {
    const chinese = await panel.openAs(undefined, { language: 'zh-Hans' });
    await openDraft({ name: 'Ada', suggested_questions: ['你是谁？'] }, chinese);
    await chinese.getByLabel('提示词', { exact: true }).waitFor();
    await chinese.getByRole('button', { name: '添加问题' }).waitFor();
    await chinese.getByRole('button', { name: '删除问题 1' }).waitFor();
    for (const label of ['名称', '开场白', '启用', '排序']) await chinese.getByText(label).first().waitFor();
    expect(panel.pageErrors).toEqual([]);
  });

  it('has no link to the marketplace and no preview to set up', async () => {
    await openDraft({ name: 'Ada' });
    await page.getByLabel('Prompt', { exact: true }).waitFor();
    await page.getByRole('link', { name: 'Settings' }).first().waitFor();
    await page.waitForLoadState('networkidle');
    expect(await page.getByText('Set up preview').count()).toBe(0);
    expect(await page.getByRole('link', { name: 'Marketplace' }).count()).toBe(0);
  });
});
