import type { Page } from 'playwright-core';

import type { Client } from '../support/client';
import { describeInBrowser } from './support/chromium';
import { startPanel, type Panel } from './support/panel';

const uid = 'api::ai-character.ai-character';
const list = `/admin/content-manager/collection-types/${uid}`;

describeInBrowser('the locales of a character', () => {
  let panel: Panel;
  let user: Client;
  let page: Page;
  beforeAll(async () => {
    panel = await startPanel();
    user = await panel.app.createUser();
    await panel.app.admin.client.post('/i18n/locales', {
      code: 'zh',
      name: 'Chinese (zh)',
      isDefault: false,
    });
    page = await panel.openAs();
  });
  afterAll(() => panel.stop());

  /** Writes a picture for a person to look at, into the folder that `PICTURES` names. */
  async function picture(name: string): Promise<void> {
    const folder = process.env['PICTURES'];
    if (folder !== undefined) await page.screenshot({ path: `${folder}/${name}.png`, fullPage: true });
  }

  it('shows Chinese texts to users after an editor has added and published them', async () => {
    const { documentId } = await panel.app.admin.createCharacter({
      name: 'Ada',
      prompt: 'You are Ada.',
      upstream: 'dify',
      upstream_key: 'app-of-ada',
    });
    await page.goto(`${list}/${documentId}?plugins[i18n][locale]=en`);
    await page.getByLabel('Prompt', { exact: true }).waitFor();
    await page.getByRole('combobox', { name: 'Locales' }).click();
    await page.getByRole('option', { name: 'Chinese (zh)' }).click();
    await page.waitForURL(/locale(\]|%5D)=zh/u);
    const name = page.getByLabel(/^Name/u).first();
    await name.waitFor();
    await name.fill('艾达');
    await page.getByLabel(/^Introduction/u).fill('我会计算。');
    await picture('locales-form');
    await page.getByRole('button', { name: 'Publish', exact: true }).click();
    await page.getByText('Published document').waitFor();

    const shown = async (query: string) => (await user.get(`/api/ai-characters${query}`)).body.data;
    expect(await shown('?locale=zh')).toMatchObject([
      { documentId, name: '艾达', introduce: '我会计算。', prompt: 'You are Ada.' },
    ]);
    expect(await shown('')).toMatchObject([{ documentId, name: 'Ada' }]);
    const rows = await panel.app.db('ai_characters').where({ document_id: documentId });
    expect(rows).toHaveLength(4);
    expect(new Set(rows.map(({ upstream_key }) => upstream_key)).size).toBe(1);
    expect(panel.pageErrors).toEqual([]);
  });

  it('lists a character once, in the chosen language', async () => {
    for (const [locale, name, other] of [
      ['en', 'Ada', '艾达'],
      ['zh', '艾达', 'Ada'],
    ] as const) {
      await page.goto(`${list}?page=1&pageSize=10&sort=name:ASC&plugins[i18n][locale]=${locale}`);
      const table = page.getByRole('grid');
      await table.getByText(name, { exact: true }).first().waitFor();
      expect([locale, await table.getByText(name, { exact: true }).count()]).toEqual([locale, 1]);
      expect([locale, await table.getByText(other, { exact: true }).count()]).toEqual([locale, 0]);
    }
  });

  it('names what prevents a publish in Chinese, for an administrator who has chosen it', async () => {
    const { body } = await panel.app.admin.client.get('/admin/users/me');
    const profile = { ...body.data, preferedLanguage: 'zh-Hans' };
    const { email, firstname, lastname, preferedLanguage } = profile;
    await panel.app.admin.client.request('PUT', '/admin/users/me', {
      body: { email, firstname, lastname, preferedLanguage },
    });
    const { documentId } = await panel.app.admin.createDraft({ name: 'Mute' });
    const chinese = await panel.openAs(undefined, { language: 'zh-Hans' });
    await chinese.goto(`${list}/${documentId}?plugins[i18n][locale]=en`);
    await chinese.getByLabel('提示词', { exact: true }).waitFor();
    await chinese.getByRole('button', { name: '发布', exact: true }).click();
    await chinese.getByText('没有提示词的角色无法回答。请先填写提示词，再发布。').first().waitFor();
    expect(panel.pageErrors).toEqual([]);
  });
});
