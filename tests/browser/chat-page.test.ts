import type { App } from '../support/app';
import { pixel } from '../support/multipart';
import { until } from '../support/until';
import { checkAccessibility } from './support/accessibility';
import { answers, ask, composer, logIn, picture, plainAppKey, startChat, type Chat } from './support/chat';
import { describeInBrowser } from './support/chromium';

let chat: Chat;
let app: App;

describeInBrowser('the chat page', () => {
  beforeAll(async () => {
    chat = await startChat();
    ({ app } = chat);
  });
  afterAll(() => chat.stop());
  afterEach(async () => expect(await chat.closePages()).toEqual([]));

  it('shows a character, asks its suggested question, and renders the Markdown of the answer', async () => {
    const page = await chat.open();
    await page.getByText('Keeper of the lighthouse.').waitFor();
    await picture(page, 'chat-start');
    await page.getByRole('button', { name: 'Maren' }).click();
    await page.getByText('Ahoy. Come in.').waitFor();
    chat.answerWith(
      'A **bold** word.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```js\nlet x = 1;\n```\n\nThe end.',
    );
    await page.getByRole('button', { name: 'Is it lonely out here?' }).click();
    await page.getByRole('button', { name: 'Good answer' }).waitFor();
    expect(await answers(page).locator('strong').allInnerTexts()).toEqual(['bold']);
    expect(await answers(page).locator('td').allInnerTexts()).toEqual(['1', '2']);
    expect(await answers(page).locator('pre').innerText()).toContain('let x = 1;');
    await page.getByRole('button', { name: 'Copy code' }).waitFor();
    await page.waitForURL('**/chat/c/*');
    expect(await checkAccessibility(page)).toEqual([]);
    await picture(page, 'chat-answer');
  });

  it('stops an answer by Escape', async () => {
    const page = await chat.open({ choose: 'Maren' });
    app.dify.script(async (reply) => {
      await reply.say('Hello ');
      await reply.closed;
    });
    await ask(page, 'Hi');
    await answers(page).getByText('Hello').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('status').getByText('You stopped this answer.').waitFor();
    await page.locator('.answer').getByText('You stopped this answer.').waitFor();
  });

  it('continues an answer after a reload in its middle, and in a second tab', async () => {
    const page = await chat.open({ choose: 'Maren' });
    const goOn = chat.answerInTwoParts('First half. ', 'Second half.');
    await ask(page, 'Hi');
    await answers(page).getByText('First half.').waitFor();
    await page.waitForURL('**/chat/c/*');
    const other = await page.context().newPage();
    await other.goto(page.url());
    await page.reload();
    for (const tab of [page, other]) await answers(tab).getByText('First half.').waitFor();
    goOn();
    for (const tab of [page, other]) {
      await tab.getByRole('button', { name: 'Good answer' }).waitFor();
      // A tab in the background draws no frames, so its text can come later than its buttons.
      await answers(tab).getByText('First half. Second half.', { exact: true }).waitFor();
    }
    chat.answerWith('To both.');
    await ask(page, 'And now?');
    await answers(other).getByText('To both.').waitFor();
  });

  it('shows what another device asks, while it is answered', async () => {
    const username = await chat.createUser();
    const page = await chat.openPage();
    await logIn(page, username);
    await page.getByRole('button', { name: 'Maren' }).click();
    chat.answerWith('Welcome.');
    await ask(page, 'Hello');
    await page.getByRole('button', { name: 'Good answer' }).waitFor();
    const device = await chat.openPage();
    await logIn(device, username);
    await device.goto(page.url());
    await answers(device).getByText('Welcome.').waitFor();
    const goOn = chat.answerInTwoParts('From far ', 'away.');
    await ask(device, 'And from my phone?');
    await answers(page).getByText('From far').waitFor();
    goOn();
    await answers(page).getByText('From far away.').waitFor();
    expect(await page.getByText('And from my phone?', { exact: true }).count()).toBe(1);
  });

  it('continues an answer after five seconds offline', async () => {
    const page = await chat.open({ choose: 'Maren' });
    const goOn = chat.answerInTwoParts('First half. ', 'Second half.');
    await ask(page, 'Hi');
    await answers(page).getByText('First half.').waitFor();
    await page.context().setOffline(true);
    await page.getByText('You are offline.', { exact: false }).waitFor();
    goOn();
    await page.waitForTimeout(5_000);
    await page.context().setOffline(false);
    await page.getByRole('button', { name: 'Good answer' }).waitFor();
    await answers(page).getByText('First half. Second half.', { exact: true }).waitFor();
  });

  it('continues an answer after the browser has frozen the tab in its middle', async () => {
    const page = await chat.open({ choose: 'Maren' });
    const goOn = chat.answerInTwoParts('First half. ', 'Second half.');
    await ask(page, 'Hi');
    await answers(page).getByText('First half.').waitFor();
    const devtools = await page.context().newCDPSession(page);
    await devtools.send('Page.setWebLifecycleState', { state: 'frozen' });
    const turn = await app
      .db('chat_conversations')
      .where({ role: 'assistant' })
      .orderBy('id', 'desc')
      .first();
    goOn();
    await until(async () => {
      const { outcome } = await app.db('chat_conversations').where({ id: turn.id }).first();
      return outcome === 'completed';
    });
    await devtools.send('Page.setWebLifecycleState', { state: 'active' });
    await page.getByRole('button', { name: 'Good answer' }).waitFor();
    await answers(page).getByText('First half. Second half.', { exact: true }).waitFor();
  });

  it('answers again with versions, edits a question, and keeps a rating over a reload', async () => {
    const page = await chat.open({ choose: 'Maren' });
    chat.answerWith('One.');
    await ask(page, 'Count');
    await page.getByRole('button', { name: 'Good answer' }).click();
    await page.locator('[aria-pressed=true]').waitFor();
    await page.reload();
    await page.locator('[aria-pressed=true]').waitFor();
    chat.answerWith('Two.');
    await page.getByRole('button', { name: 'Answer again' }).click();
    await page.getByText('2 of 2').waitFor();
    await page.getByRole('button', { name: 'Previous version' }).click();
    await answers(page).getByText('One.').waitFor();
    chat.answerWith('Three.');
    await page.getByRole('button', { name: 'Edit the question' }).click();
    await page.getByLabel('Your question').fill('Count on');
    await page.getByRole('button', { name: 'Ask again' }).click();
    await answers(page).getByText('Three.').waitFor();
    await page.getByText('Count on').first().waitFor();
  });

  it('renames, finds, deletes and restores a conversation', async () => {
    const page = await chat.open({ choose: 'Maren' });
    chat.answerWith('The lamp is lit.');
    await ask(page, 'What of the lamp?');
    await page.getByRole('button', { name: 'Good answer' }).waitFor();
    await page.getByRole('button', { name: /^Options for/u }).click();
    await page.getByRole('menuitem', { name: 'Rename' }).click();
    await page.getByLabel('Title').fill('Lamps');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('link', { name: 'Lamps' }).waitFor();
    await page.getByLabel('Search messages').fill('lamp is');
    await page.locator('mark').getByText('lamp is').waitFor();
    await page.getByLabel('Search messages').fill('');
    await page.getByRole('button', { name: 'Options for “Lamps”' }).click();
    await page.getByRole('menuitem', { name: 'Delete' }).click();
    await page.getByText('No conversations yet.').waitFor();
    await page.getByRole('button', { name: 'Undo' }).click();
    await page.getByRole('link', { name: 'Lamps' }).waitFor();
  });

  it('lets a screen reader say an answer sentence by sentence, and how it ends', async () => {
    const page = await chat.open({ choose: 'Maren' });
    const goOn = chat.answerInTwoParts('The lamp **is** lit. The', ' fog lifts.');
    await ask(page, 'What of the lamp?');
    const log = page.getByRole('log');
    await log.getByText('The lamp is lit.', { exact: true }).waitFor();
    expect(await log.innerText()).toBe('The lamp is lit.');
    await page.getByRole('status').getByText('The answer has started.').waitFor();
    goOn();
    await log.getByText('The fog lifts.', { exact: true }).waitFor();
    await page.getByRole('status').getByText('The answer is complete.').waitFor();
    expect(await log.locator('p').allInnerTexts()).toEqual(['The lamp is lit.', 'The fog lifts.']);
    await page.reload();
    await answers(page).getByText('The fog lifts.').waitFor();
    expect(await log.locator('p').count()).toBe(0);
    expect(await page.locator('main > [role=status]').allInnerTexts()).toEqual(['']);
  });

  it('says a failure in the language of the user, on a dark phone', async () => {
    const page = await chat.open({
      locale: 'zh-CN',
      colorScheme: 'dark',
      viewport: { width: 390, height: 844 },
      choose: 'Maren',
    });
    app.dify.next({ name: 'eof-after-deltas', after: 2 });
    await ask(page, '你好');
    await page.getByRole('status').getByText('回答在此中断。').waitFor();
    await page.locator('.answer').getByText('回答在此中断。').waitFor();
    await page.getByRole('button', { name: '重试' }).waitFor();
    expect(await checkAccessibility(page)).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
    await picture(page, 'chat-phone');
    await page.getByRole('button', { name: '打开对话列表' }).click();
    await page.getByRole('button', { name: '新对话' }).waitFor();
    await picture(page, 'chat-phone-side');
  });

  it('offers files only where the character takes them', async () => {
    await app.admin.createCharacter({ name: 'Blind', upstream: 'dify', upstream_key: plainAppKey });
    const page = await chat.open();
    const [reply] = await Promise.all([
      page.waitForResponse((response) => response.url().endsWith('/v1/parameters')),
      page.getByRole('button', { name: 'Blind' }).click(),
    ]);
    expect((await reply.json()).file_upload.image.enabled).toBe(false);
    expect(await page.getByRole('button', { name: 'Add a file' }).count()).toBe(0);
    await page.getByRole('button', { name: 'New conversation' }).click();
    await page.getByRole('button', { name: 'Maren' }).click();
    await page.getByRole('button', { name: 'Add a file' }).waitFor();
  });

  it('sends a file', async () => {
    const page = await chat.open({ choose: 'Maren' });
    await page
      .locator('input[type=file]')
      .setInputFiles({ name: 'dot.png', mimeType: 'image/png', buffer: pixel });
    await page.getByText('dot.png').waitFor();
    chat.answerWith('A dot.');
    await ask(page, 'What is this?');
    await page.getByRole('button', { name: 'Good answer' }).waitFor();
    const asked = app.dify.requests.filter(({ path }) => path.endsWith('/chat-messages')).at(-1);
    expect(asked?.body).toMatchObject({ files: [{ type: 'image', transfer_method: 'local_file' }] });
    await page.getByText('File (image)').waitFor();
  });

  it('keeps a conversation readable when its character is unpublished', async () => {
    const { documentId } = await app.admin.createCharacter({ name: 'Brief', prompt: 'You are Brief.' });
    const page = await chat.open({ choose: 'Brief' });
    chat.answerWith('Soon gone.');
    await ask(page, 'Hi');
    await page.getByRole('button', { name: 'Good answer' }).waitFor();
    const uid = 'api::ai-character.ai-character';
    const path = `/content-manager/collection-types/${uid}/${documentId}/actions/unpublish`;
    await app.admin.client.request('POST', path, { body: {} });
    await page.reload();
    await answers(page).getByText('Soon gone.').waitFor();
    await page.getByText('This character is no longer available.', { exact: false }).waitFor();
    expect(await composer(page).count()).toBe(0);
  });
});
