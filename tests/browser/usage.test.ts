import { readFile } from 'node:fs/promises';

import { describeInBrowser } from './support/chromium';
import { startPanel, type Panel } from './support/panel';

const page = '/admin/character-chat-usage';

describeInBrowser('the usage page of the admin panel', () => {
  let panel: Panel;
  beforeAll(async () => {
    panel = await startPanel();
    const { documentId } = await panel.app.admin.createCharacter({ name: 'Ada' });
    const user = await panel.app.createUser();
    for (const query of ['First', 'Second'])
      expect((await user.ask({ character_id: documentId, query })).status).toBe(200);
    for (const giveUpAt = Date.now() + 20_000; ;) {
      const { body } = await panel.app.admin.client.get('/admin/character-chat/usage?days=1');
      if (body.data.totals.messages === 2) break;
      if (Date.now() > giveUpAt) throw new Error('The history has not got the turns in time.');
    }
  });
  afterAll(() => panel.stop());

  it('shows totals, a chart and a table of the same numbers, and downloads them', async () => {
    const tab = await panel.openAs();
    await tab.goto('/admin');
    await tab.getByRole('link', { name: 'Usage', exact: true }).click();
    const table = tab.getByRole('grid', { name: 'Usage By day' });
    await table.getByRole('row', { name: /^Totals 2 1 0 / }).waitFor();
    const chart = tab.getByRole('img', { name: 'Chart: Messages. The table below has the same numbers.' });
    await chart.locator('.recharts-bar-rectangle').first().waitFor();

    await tab.getByRole('tab', { name: 'By character' }).click();
    await tab
      .getByRole('grid', { name: 'Usage By character' })
      .getByRole('row', { name: /^Ada 2 1 0 / })
      .waitFor();
    const [download] = await Promise.all([
      tab.waitForEvent('download'),
      tab.getByRole('button', { name: 'Download CSV' }).click(),
    ]);
    expect(await readFile(await download.path(), 'utf8')).toMatch(/\r\n\w{24},Ada,2,1,0,/u);
    expect(panel.pageErrors).toEqual([]);
  });

  it('shows the last seven days on the home page', async () => {
    const tab = await panel.openAs();
    await tab.getByRole('img', { name: /^Messages of the last 7 days: .*: 2\.$/ }).waitFor();
    await tab.getByRole('link', { name: 'Open usage' }).click();
    await tab.getByRole('heading', { name: 'Usage', exact: true }).waitFor();
  });

  it('is in Chinese for an administrator who has chosen it', async () => {
    const tab = await panel.openAs(undefined, { language: 'zh-Hans', theme: 'dark', width: 768 });
    await tab.goto(page);
    await tab.getByRole('grid', { name: '用量（按天）' }).waitFor();
    await tab.getByRole('button', { name: '下载 CSV' }).waitFor();
  });

  it('is missing without the right', async () => {
    const { admin } = panel.app;
    await admin.createAdministrator(await admin.createRole('Without', []));
    const tab = await panel.openAs('administrator1@example.com');
    await tab.getByRole('link', { name: 'Home' }).waitFor();
    expect(await tab.getByRole('link', { name: /usage/iu }).count()).toBe(0);
    await tab.goto(page);
    await tab.getByText("You don't have the permissions to access that content").waitFor();
  });
});
