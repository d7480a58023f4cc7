import { assertNoKeys } from './canaries';
import { createClient, type Client } from './client';

export interface CharacterFields {
  readonly name?: string;
  readonly prompt?: string | null;
  readonly introduce?: string;
  readonly opening_statement?: string;
  readonly suggested_questions?: unknown;
  /** The id of an uploaded picture. */
  readonly avatar?: number;
  readonly order?: number | null;
  readonly enabled?: boolean | null;
  readonly upstream?: string;
  readonly upstream_app_id?: string;
  readonly upstream_key?: string | null;
  readonly model_parameters?: unknown;
  readonly inputs?: unknown;
}

export interface CharacterIds {
  readonly documentId: string;
  /** The character's `numeric_id`, which replies show as `id`. */
  readonly id: number;
}

/** The super administrator. Calls the same API as the admin panel. */
export interface Admin {
  readonly client: Client;
  createDraft(fields: CharacterFields): Promise<CharacterIds>;
  publish(documentId: string, fields?: CharacterFields): Promise<void>;
  createCharacter(fields?: CharacterFields): Promise<CharacterIds>;
  /** @returns the id of a new picture in the media library. */
  uploadPicture(): Promise<number>;
  action(documentId: string, action: 'unpublish' | 'discard'): Promise<void>;
  /** Blocks or unblocks a user. */
  setBlocked(userDocumentId: string, blocked: boolean): Promise<void>;
  /** Creates an administrator who has this role. @returns the administrator's client. */
  createAdministrator(role: AdminRole): Promise<Client>;
  /** Creates a role with these permissions. */
  createRole(name: string, permissions: readonly AdminPermission[]): Promise<AdminRole>;
  /** Finds one of Strapi's built-in roles. */
  findRole(code: 'strapi-super-admin' | 'strapi-editor' | 'strapi-author'): Promise<AdminRole>;
  /** Returns the saved permissions of a role. */
  permissionsOf(role: AdminRole): Promise<AdminPermission[]>;
  setPermissions(role: AdminRole, permissions: readonly AdminPermission[]): Promise<void>;
  /** Grants an action, named in full, to the role of logged-in users, or revokes it. */
  setAllowed(action: string, isAllowed: boolean): Promise<void>;
}

export interface AdminRole {
  readonly id: number;
  readonly name: string;
  readonly code: string;
}

export interface AdminPermission {
  readonly action: string;
  readonly subject?: string | null;
  readonly properties?: { readonly fields?: readonly string[] };
  readonly conditions?: readonly string[];
}

const characters = '/content-manager/collection-types/api::ai-character.ai-character';
const onePixel = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==',
  'base64',
);
/** The password of every test account. */
export const password = 'Passw0rd-of-tests';
const account = { email: 'admin@example.com', password };

export async function createAdmin(url: string): Promise<Admin> {
  const anonymous = createClient(url);
  await anonymous.post('/admin/register-admin', { ...account, firstname: 'Ada', lastname: 'Editor' });
  const login = await anonymous.post('/admin/login', account);
  const token = String(login.body.data.token);
  const client = createAdminClient(url, token);

  let administrators = 0;

  const admin: Admin = {
    client,
    async createAdministrator(role) {
      administrators += 1;
      const email = `administrator${administrators}@example.com`;
      const { registrationToken } = (await expectOk(
        client.post('/admin/users', { email, firstname: 'Lin', lastname: 'Editor', roles: [role.id] }),
      )) as unknown as { registrationToken: string };
      const userInfo = { firstname: 'Lin', lastname: 'Editor', password };
      await expectOk(anonymous.post('/admin/register', { registrationToken, userInfo }));
      const { body } = await anonymous.post('/admin/login', { email, password });
      return createAdminClient(url, String(body.data.token));
    },
    async createRole(name, permissions) {
      const role = (await expectOk(
        client.post('/admin/roles', { name, description: '' }),
      )) as unknown as AdminRole;
      await admin.setPermissions(role, permissions);
      return role;
    },
    async findRole(code) {
      const roles = (await expectOk(client.get('/admin/roles'))) as unknown as AdminRole[];
      const role = roles.find((one) => one.code === code);
      if (role === undefined) throw new Error(`There is no role ${code}.`);
      return role;
    },
    async permissionsOf({ id }) {
      return (await expectOk(client.get(`/admin/roles/${id}/permissions`))) as unknown as AdminPermission[];
    },
    async setPermissions({ id }, permissions) {
      const body = {
        permissions: permissions.map(({ action, subject = null, properties = {}, conditions = [] }) => ({
          action,
          subject,
          properties,
          conditions,
        })),
      };
      await expectOk(client.request('PUT', `/admin/roles/${id}/permissions`, { body }));
    },
    async createDraft(fields) {
      const reply = await expectOk(client.post(characters, { name: 'Ada', ...fields }));
      return { documentId: reply.documentId, id: reply.numeric_id };
    },
    async publish(documentId, fields = {}) {
      await expectOk(client.post(`${characters}/${documentId}/actions/publish`, fields));
    },
    async createCharacter(fields = {}) {
      const whole = { name: 'Ada', prompt: 'You are Ada, a mathematician.', introduce: 'Hello.', ...fields };
      const draft = await admin.createDraft(whole);
      await admin.publish(draft.documentId, whole);
      return draft;
    },
    async setBlocked(userDocumentId, blocked) {
      const path = `/content-manager/collection-types/plugin::users-permissions.user/${userDocumentId}`;
      await expectOk(client.request('PUT', path, { body: { blocked } }));
    },
    async setAllowed(action, isAllowed) {
      const [type = '', controller = '', name = ''] = action.split('.');
      const roles = '/users-permissions/roles';
      const { body } = await client.get(roles);
      const { id } = body.roles.find((role: { type: string }) => role.type === 'authenticated');
      const { role } = (await client.get(`${roles}/${id}`)).body;
      role.permissions[type].controllers[controller][name].enabled = isAllowed;
      await expectOk(client.request('PUT', `${roles}/${id}`, { body: role }));
    },
    async uploadPicture() {
      const form = new FormData();
      form.append('files', new Blob([onePixel], { type: 'image/png' }), 'pixel.png');
      const headers = { Authorization: `Bearer ${token}` };
      const response = await fetch(`${url}/upload`, { method: 'POST', headers, body: form });
      const [file] = (await response.json()) as { id: number }[];
      if (file === undefined) throw new Error(`The picture was refused with ${response.status}.`);
      return file.id;
    },
    async action(documentId, action) {
      await expectOk(client.post(`${characters}/${documentId}/actions/${action}`, {}));
    },
  };
  return admin;
}

/** Creates a client of the admin API. Its POST replies are checked for keys only, because they contain drafts. */
function createAdminClient(url: string, token: string): Client {
  const client = createClient(url, token);
  return {
    ...client,
    async post(path, body) {
      const response = await fetch(`${url}${path}`, {
        method: 'POST',
        headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
        body: JSON.stringify(body),
      });
      const text = await response.text();
      assertNoKeys(text, `POST ${path}`);
      return {
        status: response.status,
        headers: response.headers,
        text,
        body: text === '' ? undefined : JSON.parse(text),
      };
    },
  };
}

interface Entry {
  readonly id: number;
  readonly documentId: string;
  /** Only characters have it. */
  readonly numeric_id: number;
}

async function expectOk(pending: ReturnType<Client['post']>): Promise<Entry> {
  const { status, body, text } = await pending;
  if (status >= 300) throw new Error(`The admin panel's API answered ${status}: ${text}`);
  return body.data;
}
