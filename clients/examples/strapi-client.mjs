/** Calls the API with Strapi's own client. */
import { strapi } from '@strapi/client';

const { API: api, JWT: token, CHARACTER: characterId } = process.env;
const client = strapi({ baseURL: `${api}/api`, auth: token });

const { data: characters } = await client.collection('ai-characters').find({ sort: 'name:asc' });
console.log(characters.map(({ name }) => name));

// Routes beside Strapi's own: the client's fetch adds the address and the token.
const reply = await client.fetch('/chat-conversations/create-message', {
  method: 'POST',
  headers: { 'Content-Type': 'application/json', 'Idempotency-Key': crypto.randomUUID() },
  body: JSON.stringify({ data: { character_id: characterId, query: 'Is it lonely out here?' } }),
});
const { data } = await reply.json();
console.log(data[1].answer);
