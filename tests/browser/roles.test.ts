import type { Page } from 'playwright-core';

import type { AdminPermission } from '../support/admin';
import type { Client } from '../support/client';
import { describeInBrowser } from './support/chromium';
import { startPanel, superAdmin, type Panel } from './support/panel';

const uid = 'api::ai-character.ai-character';
const rights = ['api::chats.read', 'api::chat-usage.read', 'api::chat-trials.create'];

describeInBrowser('the workplace in the admin panel', () => {
  let panel: Panel;
  let documentId: string;
  const clients: Record<string, Client> = {};
  beforeAll(async () => {
    panel = await startPanel();
    const { admin, createUser } = panel.app;
    ({ documentId } = await admin.createCharacter({ name: 'Ada', prompt: 'You are Ada.' }));
    const user = await createUser();
    await user.ask({ character_id: documentId, query: 'Who are you?' });

    const editor = await admin.findRole('strapi-editor');
    const ofEditors = await admin.permissionsOf(editor);
    const granted = rights.map((action): AdminPermission => ({ action }));
    const trusted = await admin.createRole('Trusted editor', [...ofEditors, ...granted]);
    clients['the Super Admin'] = admin.client;
    clients['an Editor'] = await admin.createAdministrator(editor);
    clients['an Editor with the rights'] = await admin.createAdministrator(trusted);
    clients['an Author'] = await admin.createAdministrator(await admin.findRole('strapi-author'));
    clients['a user'] = user;
  });
  afterAll(() => panel.stop());

  /** The status of each kind of data, by its page. The trial lacks a body, so with the right it is refused as 400. */
  async function statusesFor(client: Client) {
    const base = '/admin/character-chat';
    const statusOf = async (path: string) => (await client.get(`${base}${path}`)).status;
    return {
      conversations: await statusOf('/conversations'),
      usage: await statusOf('/usage'),
      trial: (await client.post(`${base}/trials`, {})).status,
      versions: await statusOf(`/versions/${documentId}`),
      audit: await statusOf('/chat-audit'),
    };
  }

  const menuOf = async (page: Page) => {
    await page.getByRole('link', { name: 'Content Manager' }).waitFor();
    await page.waitForLoadState('networkidle');
    const names = ['Conversations', 'Usage'];
    const counts = names.map((name) => page.getByRole('link', { name, exact: true }).count());
    const shown = await Promise.all(counts);
    return names.filter((_, index) => shown[index] !== 0);
  };

  it.each([
    ['the Super Admin', superAdmin, { menu: ['Conversations', 'Usage'], data: 200, audit: 200 }],
    ['an Editor', 'administrator1@example.com', { menu: [], data: 403, audit: 403 }],
    [
      'an Editor with the rights',
      'administrator2@example.com',
      { menu: ['Conversations', 'Usage'], data: 200, audit: 403 },
    ],
  ])('shows %s the menu and the data of the role only', async (name, email, { menu, data, audit }) => {
    const client = clients[name] as Client;
    const trial = data === 200 ? 400 : 403;
    expect(await statusesFor(client)).toEqual({
      conversations: data,
      usage: data,
      trial,
      versions: 200,
      audit,
    });
    const page = await panel.openAs(email);
    expect(await menuOf(page)).toEqual(menu);
    await page.goto(`/admin/content-manager/collection-types/${uid}/${documentId}?plugins[i18n][locale]=en`);
    await page.getByRole('button', { name: 'Show versions' }).waitFor();
    expect(await page.getByRole('button', { name: 'Try the draft' }).count()).toBe(menu.length === 0 ? 0 : 1);
    expect(panel.pageErrors).toEqual([]);
  });

  it("shows an Author neither the menu nor another editor's character", async () => {
    expect(await statusesFor(clients['an Author'] as Client)).toEqual({
      conversations: 403,
      usage: 403,
      trial: 403,
      versions: 403,
      audit: 403,
    });
    const page = await panel.openAs('administrator3@example.com');
    expect(await menuOf(page)).toEqual([]);
    await page.goto('/admin/conversations');
    await page.getByText("You don't have the permissions to access that content").waitFor();
    expect(await page.getByText('Who are you?').count()).toBe(0);
  });

  it('opens no route for the token of a user', async () => {
    const statuses = await statusesFor(clients['a user'] as Client);
    expect([...new Set(Object.values(statuses))]).toEqual([401]);
  });
});
