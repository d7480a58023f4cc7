import type { Page } from 'playwright-core';

import { describeInBrowser } from './support/chromium';
import { startPanel, type Panel } from './support/panel';

const uid = 'api::ai-character.ai-character';

describeInBrowser('the panel to try a character', () => {
  let panel: Panel;
  let documentId: string;
  beforeAll(async () => {
    panel = await startPanel();
    const { admin } = panel.app;
    ({ documentId } = await admin.createCharacter({ name: 'Ada', prompt: 'You are Ada, published.' }));
    const body = { prompt: 'You are Ada, a draft.' };
    await admin.client.request('PUT', `/content-manager/collection-types/${uid}/${documentId}`, { body });
  });
  afterAll(() => panel.stop());
  afterEach(() => panel.app.dify.reset());

  // Without the locale, the panel redirects, and a dialog that was opened before is closed.
  const form = () => `/admin/content-manager/collection-types/${uid}/${documentId}?plugins[i18n][locale]=en`;
  const asked = () => panel.app.dify.requests.filter(({ path }) => path.endsWith('/chat-messages'));

  /** Writes a picture for a person to look at, into the folder that `PICTURES` names. */
  async function picture(page: Page, name: string): Promise<void> {
    const folder = process.env['PICTURES'];
    if (folder !== undefined) await page.screenshot({ path: `${folder}/${name}.png` });
  }

  /** Lets Dify answer with this text, and end. */
  function answerWith(text: string): void {
    panel.app.dify.script(async (reply) => {
      await reply.say(text);
      await reply.end();
    });
  }

  it('streams the answer of the draft, renders its Markdown without HTML, and lists it as earlier trial', async () => {
    const page = await panel.openAs();
    await page.goto(form());
    await page.getByRole('button', { name: 'Try the draft' }).click();
    answerWith('A **bold** word.<img src=x onerror="window.hacked=1"> [link](javascript:alert(1))');
    await page.getByLabel('Your question').fill('Who are you?');
    await page.getByLabel('Your question').press('Enter');
    const answers = page.getByRole('log', { name: 'Saved draft' });
    await answers.getByText(/\d s$/u).waitFor();
    expect(await answers.locator('strong').allInnerTexts()).toEqual(['bold']);
    expect(await answers.locator('img').count()).toBe(0);
    expect(await answers.locator('a[href^="javascript"]').count()).toBe(0);
    expect(asked().at(-1)?.body).toMatchObject({ inputs: { prompt: 'You are Ada, a draft.' } });
    await picture(page, 'trials-answer');
    await page.getByRole('button', { name: 'Show earlier trials' }).click();
    const newest = page
      .getByRole('region', { name: 'Earlier trials of all editors' })
      .getByRole('article')
      .first();
    await newest.getByText('Who are you?').waitFor();
    expect(await newest.innerText()).toMatch(/Draft [\da-f]{8}[^]*Ada Editor[^]*A bold word[^]*tokens/u);
    await newest.scrollIntoViewIfNeeded();
    await picture(page, 'trials-earlier');
    await page.getByRole('button', { name: 'Hide earlier trials' }).click();
    await newest.waitFor({ state: 'detached' });
    expect(panel.pageErrors).toEqual([]);
  });

  it('asks the published version beside the draft on request, and clears both', async () => {
    const page = await panel.openAs(undefined, { theme: 'dark' });
    await page.goto(form());
    await page.getByRole('button', { name: 'Try the draft' }).click();
    await page.getByLabel('Show the published version beside it').click();
    const before = asked().length;
    await page.getByLabel('Your question').fill('Who are you?');
    await page.getByRole('button', { name: 'Send' }).click();
    for (const name of ['Saved draft', 'Published version'])
      await page
        .getByRole('log', { name })
        .getByText(/tokens/u)
        .waitFor();
    const prompts = asked()
      .slice(before)
      .map(({ body }) => (body as { inputs: { prompt: string } }).inputs.prompt);
    expect(prompts.sort()).toEqual(['You are Ada, a draft.', 'You are Ada, published.']);
    await picture(page, 'trials-beside');
    await page.getByRole('button', { name: 'Clear' }).click();
    await page.getByText('Who are you?').first().waitFor({ state: 'detached' });
    expect(panel.pageErrors).toEqual([]);
  });

  it('stops an answer', async () => {
    const page = await panel.openAs();
    await page.goto(form());
    await page.getByRole('button', { name: 'Try the draft' }).click();
    panel.app.dify.script(async (reply) => {
      await reply.say('Hello ');
      await reply.closed;
    });
    await page.getByLabel('Your question').fill('Who are you?');
    await page.getByRole('button', { name: 'Send' }).click();
    await page.getByText('Hello', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.getByText('Stopped').waitFor();
    expect(panel.pageErrors).toEqual([]);
  });

  it('warns about unsaved changes, in Chinese and in a narrow window', async () => {
    const page = await panel.openAs(undefined, { language: 'zh-Hans', width: 768 });
    await page.goto(form());
    await page.locator('textarea[name="prompt"]').fill('Not saved.');
    // In a narrow window, Strapi's bar of actions can lie over the button, so the test uses the keyboard.
    await page.getByRole('button', { name: '试用草稿' }).press('Enter');
    await page.getByText('表单有未保存的修改', { exact: false }).waitFor();
    await picture(page, 'trials-narrow');
  });

  it('does not exist for a role without the right', async () => {
    const { admin } = panel.app;
    const properties = { fields: ['name', 'prompt'] };
    const read = { action: 'plugin::content-manager.explorer.read', subject: uid, properties };
    await admin.createAdministrator(await admin.createRole('reads prompts', [read]));
    const page = await panel.openAs('administrator1@example.com');
    await page.goto(form());
    await page.getByText('Show versions').waitFor();
    expect(await page.getByRole('button', { name: 'Try the draft' }).count()).toBe(0);
  });
});
