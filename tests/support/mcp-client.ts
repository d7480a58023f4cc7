import { z } from 'zod';

import type { AdminPermission } from './admin';
import { assertNoKeys } from './canaries';
import type { Client, Reply } from './client';

const reply = z.object({
  result: z
    .object({
      tools: z.array(z.looseObject({ name: z.string(), description: z.string() })).optional(),
      content: z.array(z.object({ type: z.literal('text'), text: z.string() })).optional(),
      structuredContent: z.record(z.string(), z.unknown()).optional(),
      isError: z.boolean().optional(),
    })
    .optional(),
  error: z.object({ message: z.string() }).optional(),
});

/** The result of a tool: `data` unless it failed, and `text`, which is the sentence of an error. */
export interface ToolResult {
  readonly isError: boolean;
  readonly text: string;
  readonly data: Reply['body'];
}

/** An AI assistant, which calls Strapi's MCP server with an admin token. */
export interface McpClient {
  listTools(): Promise<string[]>;
  call(name: string, args: object): Promise<ToolResult>;
}

/** Creates an admin token of this administrator with these permissions, and a client that uses it. */
export async function createMcpClient(
  url: string,
  owner: Client,
  permissions: readonly AdminPermission[],
): Promise<McpClient> {
  const adminPermissions = permissions.map(
    ({ action, subject = null, properties = {}, conditions = [] }) => ({
      action,
      subject,
      properties,
      conditions,
    }),
  );
  const name = `assistant ${Math.random()}`;
  const { status, body } = await owner.post('/admin/admin-tokens', {
    name,
    description: '',
    lifespan: null,
    adminPermissions,
  });
  if (status !== 201) throw new Error(`No token: ${status} ${JSON.stringify(body)}`);
  const key = String(body.data.accessKey);

  async function request(method: string, params: object) {
    const response = await fetch(`${url}/mcp`, {
      method: 'POST',
      headers: {
        Authorization: `Bearer ${key}`,
        'Content-Type': 'application/json',
        Accept: 'application/json, text/event-stream',
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    });
    const text = await response.text();
    assertNoKeys(text, `the reply to ${method}`);
    // The server answers with one event.
    return reply.parse(JSON.parse(/^data: (?<json>.*)$/mu.exec(text)?.groups?.['json'] ?? text));
  }

  return {
    async listTools() {
      return ((await request('tools/list', {})).result?.tools ?? []).map((tool) => tool.name);
    },
    async call(tool, args) {
      const { result, error } = await request('tools/call', { name: tool, arguments: args });
      const text = error?.message ?? result?.content?.map((part) => part.text).join('') ?? '';
      const isError = error !== undefined || result?.isError === true;
      return { isError, text, data: result?.structuredContent };
    },
  };
}
