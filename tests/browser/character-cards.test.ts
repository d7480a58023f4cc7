import { readFile } from 'node:fs/promises';

import { describeInBrowser } from './support/chromium';
import { startPanel, type Panel } from './support/panel';

const characters = '/admin/content-manager/collection-types/api::ai-character.ai-character';
const card = {
  spec: 'chara_card_v2',
  spec_version: '2.0',
  data: {
    name: 'Grace',
    description: '{{char}} builds compilers.',
    personality: 'Patient.',
    scenario: '',
    first_mes: 'Good morning.',
    mes_example: '',
    creator_notes: '',
    system_prompt: '',
    post_history_instructions: '',
    alternate_greetings: [],
    tags: ['navy'],
    creator: '',
    character_version: '1',
    extensions: {},
  },
};

describeInBrowser('character cards in the admin panel', () => {
  let panel: Panel;
  beforeAll(async () => {
    panel = await startPanel();
  });
  afterAll(() => panel.stop());

  it('imports a card as a draft, and exports it with the same data', async () => {
    const page = await panel.openAs();
    await page.goto(characters);
    await page.getByRole('button', { name: 'Import cards' }).click();
    await page.locator('input[type="file"]').setInputFiles({
      name: 'grace.json',
      mimeType: 'application/json',
      buffer: Buffer.from(JSON.stringify(card)),
    });
    await page.getByText('“Grace” is a draft now.').click();
    await page.waitForURL((url) => !url.pathname.endsWith('api::ai-character.ai-character'));

    await page.getByRole('button', { name: 'More actions' }).click();
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('menuitem', { name: 'Export card (JSON)' }).click(),
    ]);
    const exported = JSON.parse(await readFile(await download.path(), 'utf8')) as typeof card;
    expect(exported).toEqual(card);
    expect(panel.pageErrors).toEqual([]);
  });
});
