/** Calls the API with openapi-fetch, and the types of the server's OpenAPI document. */
import createClient from 'openapi-fetch';

import type { paths } from 'character-chat-client';

const { API: baseUrl = '', JWT: token, CHARACTER: characterId = '' } = process.env;
const client = createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${token}` } });

const asked = await client.POST('/api/chat-conversations/create-message', {
  params: { header: { 'Idempotency-Key': crypto.randomUUID() } },
  body: { data: { character_id: characterId, query: 'Is it lonely out here?' } },
});
if (asked.error) throw new Error(`${asked.error.error.details.code}: ${asked.error.error.message}`);
// The type is that of the JSON or of an event, because the route can send an event stream, too.
const messages = 'data' in asked.data ? asked.data.data : [];
console.log(messages[1]?.answer);

const { data: mine } = await client.GET('/api/chat-conversations/my-list', {
  params: { query: { pageSize: 2 } },
});
console.log(mine?.data.map(({ role }) => role));
