import type { Page } from 'playwright-core';

import { isFull } from '../faults/support/scale';
import { checkAccessibility } from './support/accessibility';
import { answers, ask, composer, fillLogin, picture, startChat, waitForEnd, type Chat } from './support/chat';
import { describeInBrowser } from './support/chromium';

const combinations = (['en-US', 'zh-CN'] as const).flatMap((locale) =>
  (['light', 'dark'] as const).flatMap((colorScheme) =>
    [390, 1280].map((width) => ({ locale, colorScheme, width })),
  ),
);

const richAnswer = `# The lamp

It is **lit**, it is *bright*, and \`lamp.on\` is ~~false~~ true. See [the almanac](https://almanac.example/lamps).

1. Wind the clock.
2. Trim the wick:
   - with scissors,
   - or with a knife.

- [x] Oil
- [ ] Matches

> The sea is never full.

| Hour | Wind | What the keeper writes into the book |
|---|---:|---|
| 20:00 | 3 | ${'Calm, with a long swell from the west. '.repeat(3)}|
| 04:00 | 9 | 大风，能见度很低。 |

\`\`\`ts
export const blink = (seconds: number): string => '.'.repeat(seconds).padEnd(120, '-') + ' // a line that is too long';
\`\`\`

---

${'Averylongwordwithoutanyspace'.repeat(8)}`;

describeInBrowser('each view of the chat page', () => {
  let chat: Chat;
  beforeAll(async () => {
    chat = await startChat();
    await chat.app.admin.createCharacter({
      name: `Ines ${'of the very long name '.repeat(5)}`,
      introduce:
        'She has an introduction that is longer than a line, so that the card has to wrap it. '.repeat(3),
    });
  });
  afterAll(() => chat.stop());
  afterEach(async () => expect(await chat.closePages()).toEqual([]));

  async function logIn(page: Page): Promise<void> {
    await page.goto('/chat/login');
    await fillLogin(page, await chat.createUser());
    await page.locator('.characters button').first().waitFor();
  }

  async function openCharacter(page: Page): Promise<void> {
    await logIn(page);
    await page.getByRole('button', { name: 'Maren' }).click();
    await composer(page).waitFor();
  }

  async function openConversation(page: Page): Promise<void> {
    await openCharacter(page);
    chat.answerWith(richAnswer);
    await ask(page, `What of the lamp? ${'Tell me all. '.repeat(20)}`);
    await waitForEnd(page);
  }

  /** A narrow window hides the list of conversations. */
  async function openSide(page: Page): Promise<void> {
    const toggle = page.locator('.side-toggle');
    if (await toggle.isVisible()) await toggle.click();
    await page.locator('.side .search').waitFor();
  }

  const openConversationMenu = async (page: Page) => {
    await openConversation(page);
    await openSide(page);
    await page.locator('.conversation .menu button').first().click();
    await page.getByRole('menu').waitFor();
  };

  async function openAccount(page: Page): Promise<void> {
    await logIn(page);
    await page.goto('/chat/account');
    await page.locator('.tokens').waitFor({ state: 'attached' });
  }

  async function createToken(page: Page): Promise<void> {
    await openAccount(page);
    await page
      .locator('form', { has: page.locator('select') })
      .locator('input')
      .first()
      .fill('Home server');
    await page
      .locator('form', { has: page.locator('select') })
      .locator('button[type=submit]')
      .click();
    await page.locator('dialog[open]').waitFor();
  }

  const goTo = (address: string) => async (page: Page) => {
    await page.goto(`/chat/${address}`);
    await page.locator('h1').waitFor();
  };

  const views: Readonly<Record<string, (page: Page) => Promise<void>>> = {
    login: goTo('login'),
    'refused login': async (page) => {
      await page.goto('/chat/login');
      await fillLogin(page, 'nobody');
      await page.getByRole('alert').getByText(/\S/u).waitFor();
    },
    register: goTo('register'),
    'forgotten password': goTo('forgot-password'),
    'new password': goTo('reset-password?code=1'),
    characters: logIn,
    'new conversation': openCharacter,
    conversation: openConversation,
    'top of a conversation': async (page) => {
      await openConversation(page);
      await page.locator('.messages').evaluate((list) => list.scrollTo({ top: 0 }));
      await page.locator('.to-end').waitFor();
    },
    'growing answer': async (page) => {
      await openCharacter(page);
      chat.app.dify.script(async (reply) => {
        await reply.say('The lamp is');
        await reply.closed;
      });
      await ask(page, 'What of the lamp?');
      await answers(page).getByText('The lamp is').waitFor();
    },
    'failed answer': async (page) => {
      await openCharacter(page);
      chat.app.dify.next({ name: 'eof-after-deltas', after: 2 });
      await ask(page, 'What of the lamp?');
      await page.locator('.outcome button').waitFor();
    },
    'edited question': async (page) => {
      await openConversation(page);
      await page.locator('.question [data-name=edit]').click();
      await page.locator('.question-form textarea').waitFor();
    },
    'list of conversations': async (page) => {
      await openConversation(page);
      await openSide(page);
    },
    'menu of a conversation': openConversationMenu,
    'renamed conversation': async (page) => {
      await openConversationMenu(page);
      await page.getByRole('menuitem').first().click();
      await page.locator('dialog[open] input').waitFor();
    },
    'deleted conversation': async (page) => {
      await openConversationMenu(page);
      await page.getByRole('menuitem').last().click();
      await page.locator('.toast').waitFor();
    },
    search: async (page) => {
      await openConversation(page);
      await openSide(page);
      await page.locator('.side .search').fill('lamp');
      await page.locator('.hits mark').first().waitFor();
    },
    'found message': async (page) => {
      await openConversation(page);
      await openSide(page);
      await page.locator('.side .search').fill('lamp');
      await page.locator('.hits a').first().click();
      await page.locator('[data-found=true]').waitFor();
    },
    'search without a hit': async (page) => {
      await logIn(page);
      await openSide(page);
      await page.locator('.side .search').fill('nothing like this');
      await page.getByText(/^(?:No message contains|没有包含)/u).waitFor();
    },
    'menu of the themes': async (page) => {
      await logIn(page);
      await openSide(page);
      await page.locator('.side [data-name=theme]').click();
      await page.getByRole('menu').waitFor();
    },
    offline: async (page) => {
      await openConversation(page);
      await page.context().setOffline(true);
      await page.locator('.note').waitFor();
    },
    account: openAccount,
    'created token': createToken,
    'revoked token': async (page) => {
      await createToken(page);
      await page.locator('dialog[open] button').last().click();
      await page.locator('.tokens button').click();
      await page.locator('dialog[open]').waitFor();
    },
    'erased data': async (page) => {
      await openAccount(page);
      await page.locator('.account-section').last().locator('button').last().click();
      await page.locator('dialog[open]').waitFor();
    },
  };

  const all = Object.keys(views).flatMap((view) =>
    combinations.map((combination) => ({ view, ...combination })),
  );
  /** In the check, each view has one combination. */
  const some = Object.keys(views).map((view, index) => ({
    view,
    ...(combinations[index % combinations.length] ?? combinations[0]),
  }));

  it.each(isFull ? all : some)(
    'is accessible and fits: $view, $locale, $colorScheme, $width px',
    async ({ view, locale = 'en-US', colorScheme = 'light', width = 1280 }) => {
      const page = await chat.openPage({ locale, colorScheme, viewport: { width, height: 844 } });
      await views[view]?.(page);
      await picture(page, `${view.replaceAll(' ', '-')}-${locale.slice(0, 2)}-${colorScheme}-${width}`);
      expect(await checkAccessibility(page)).toEqual([]);
      expect(
        await page.evaluate(() => document.documentElement.scrollWidth - innerWidth),
      ).toBeLessThanOrEqual(0);
    },
  );
});
