import type { Page } from 'playwright-core';

import { pixel } from '../support/multipart';
import { answers, ask, startChat, waitForEnd, type Chat } from './support/chat';
import { describeInBrowser } from './support/chromium';

/** Texts of public lists that run a script in pages which insert them as HTML. */
const attacks = [
  '<img src=x onerror="window.hacked=1">',
  '<script>window.hacked=1</script>',
  '"><svg/onload=window.hacked=1>',
  '<svg><animate onbegin=window.hacked=1 attributeName=x dur=1s>',
  '<details open ontoggle=window.hacked=1>',
  '<input autofocus onfocus=window.hacked=1>',
  '<video src=x onerror=window.hacked=1><audio src=x onerror=window.hacked=1>',
  '<iframe srcdoc="<script>parent.hacked=1</script>"></iframe>',
  '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=x onerror=window.hacked=1&gt;">',
  '<noscript><p title="</noscript><img src=x onerror=window.hacked=1>">',
  '<form action="javascript:window.hacked=1"><button formaction="javascript:window.hacked=1">x</button></form>',
  '<object data="javascript:window.hacked=1"></object><embed src="javascript:window.hacked=1">',
  '<a href="javascript:window.hacked=1">x</a> [x](javascript:window.hacked=1) [x](JaVaScRiPt&colon;window.hacked=1)',
  '[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==) [x](vbscript:x) <javascript:window.hacked=1>',
  '![x](x" onerror="window.hacked=1) ![x](javascript:window.hacked=1)',
  '[x]: javascript:window.hacked=1 "x"\n\n[x]',
  '```html" onmouseover="window.hacked=1\n<img src=x onerror=window.hacked=1>\n```',
  '<style>@import "javascript:window.hacked=1"; body { display: none }</style><link rel=stylesheet href=x>',
];

const [attack = ''] = attacks;
const markdown = attacks.join('\n\n');

/** Elements that only a hostile text can bring into the page. */
const alive =
  'script, img, svg:not(.icon), iframe, object, embed, video, audio, details, style, link, math, form form';

async function expectHarmless(page: Page): Promise<void> {
  expect(await page.locator('body').locator(alive).and(page.locator(':not(body > script)')).count()).toBe(0);
  const addresses = await page
    .locator('body a')
    .evaluateAll((links) => links.map((link) => link.getAttribute('href')));
  expect(addresses.filter((href) => href !== null && !/^(?:https?:|mailto:|\/|#chat$)/u.test(href))).toEqual(
    [],
  );
  expect(await page.evaluate(() => 'hacked' in window)).toBe(false);
}

describeInBrowser('hostile texts on the chat page run nothing', () => {
  let chat: Chat;
  beforeAll(async () => {
    chat = await startChat();
    await chat.app.admin.createCharacter({
      name: `Eve ${attack}`,
      introduce: attack,
      opening_statement: markdown,
      suggested_questions: [attack],
    });
  });
  afterAll(() => chat.stop());
  afterEach(async () => expect(await chat.closePages()).toEqual([]));

  it('in a character: name, introduction, opening, suggestions', async () => {
    const page = await chat.open();
    await page.getByRole('button', { name: 'Eve' }).waitFor();
    await expectHarmless(page);
    await page.getByRole('button', { name: 'Eve' }).click();
    await page.locator('.suggestions button').waitFor();
    expect(await page.locator('.suggestions button').innerText()).toBe(attack);
    await expectHarmless(page);
  });

  it('in a question and in an answer, while it comes and after it', async () => {
    const page = await chat.open({ choose: 'Eve' });
    const goOn = chat.answerInTwoParts(markdown, ' The end.');
    await ask(page, markdown);
    await answers(page).getByText('window.hacked').first().waitFor();
    await expectHarmless(page);
    goOn();
    await waitForEnd(page);
    await expectHarmless(page);
    await page.reload();
    await waitForEnd(page);
    await expectHarmless(page);
  });

  it.each(attacks)('in an answer of its own: %s', async (text) => {
    const page = await chat.open({ choose: 'Maren' });
    chat.answerWith(text);
    await ask(page, 'Hi');
    await waitForEnd(page);
    await expectHarmless(page);
  });

  it('in a title: in the list, the head, the menu, the dialog, the search and the toast', async () => {
    const page = await chat.open({ choose: 'Eve' });
    chat.answerWith(attack);
    await ask(page, attack);
    await waitForEnd(page);
    await page.getByRole('button', { name: /^Options for/u }).click();
    await page.getByRole('menuitem', { name: 'Rename' }).click();
    await page.getByLabel('Title').fill(attack);
    await expectHarmless(page);
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('heading', { name: attack, exact: true }).waitFor();
    await page.getByRole('link', { name: attack }).waitFor();
    await expectHarmless(page);
    await page.getByLabel('Search messages').fill('onerror');
    await page.locator('.hits mark').first().waitFor();
    await expectHarmless(page);
    await page.getByLabel('Search messages').fill('');
    await page.getByRole('button', { name: /^Options for/u }).click();
    await page.getByRole('menuitem', { name: 'Delete' }).click();
    await page.locator('.toast').getByText(attack).waitFor();
    await expectHarmless(page);
  });

  it('in the name of a file', async () => {
    const page = await chat.open({ choose: 'Maren' });
    const name = `${attack}.png`;
    await page.locator('input[type=file]').setInputFiles({ name, mimeType: 'image/png', buffer: pixel });
    await page.getByText(name).waitFor();
    await expectHarmless(page);
    const goOn = chat.answerInTwoParts('A ', 'dot.');
    await ask(page, 'What is this?');
    await page.getByText(name).waitFor();
    await expectHarmless(page);
    goOn();
    await waitForEnd(page);
    await expectHarmless(page);
  });

  it('in the name of a personal token', async () => {
    const page = await chat.open();
    await page.goto('/chat/account');
    await page.getByLabel('What is the token for?').fill(attack);
    await page.getByRole('button', { name: 'Create a token' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Close' }).click();
    await page.getByText(attack).first().waitFor();
    await expectHarmless(page);
  });
});
