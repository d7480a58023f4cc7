/** Uses the npm package `dify-client`, unmodified. Prints what it got as JSON. Arguments: the token and the base URL. */
import { Blob } from 'node:buffer';
import process from 'node:process';

import { ChatClient } from 'dify-client';

const [token, baseUrl] = process.argv.slice(2);
const client = new ChatClient(token, baseUrl);
const user = 'anyone';

/** Returns the events of a stream. Calls `onEvent` with each. */
async function read({ data }, onEvent = () => {}) {
  const events = [];
  let rest = '';
  for await (const chunk of data) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop();
    for (const line of lines.filter((text) => text.startsWith('data: '))) {
      const event = JSON.parse(line.slice('data: '.length));
      events.push(event);
      await onEvent(event, events.length);
    }
  }
  return events;
}

const parameters = await client.getApplicationParameters(user);
const sent = await client.createChatMessage({}, 'How is the sea?', user);
const { conversation_id: id } = sent.data;
const streamed = await read(await client.createChatMessage({}, 'And the fog?', user, true, id));
const begun = await client.createChatMessage({}, 'Wait for a stop.', user, true, id);
let stop;
const stopped = await read(begun, async ({ task_id }, count) => {
  if (count === 1) stop = await client.sendRequest('POST', `/chat-messages/${task_id}/stop`, { user });
});
const messages = await client.getConversationMessages(user, id, null, 2);
const form = new globalThis.FormData();
form.append('user', user);
form.append('file', new Blob(['not really an image'], { type: 'image/png' }), 'sea.png');
const uploaded = await client.fileUpload(form);
const image = { type: 'image', transfer_method: 'local_file', upload_file_id: uploaded.data.id };
const seen = await client.createChatMessage({}, 'What is this?', user, false, null, [image]);
const conversations = await client.getConversations(user, null, 5);
const renamed = await client.renameConversation(id, 'Weather', user, false);
const rated = await client.messageFeedback(sent.data.message_id, 'like', user);
const deleted = await client.deleteConversation(id, user);
const gone = await client.getConversationMessages(user, id).catch(({ response }) => response);

const bodies = Object.entries({
  parameters,
  uploaded,
  seen,
  sent,
  stop,
  messages,
  conversations,
  renamed,
  rated,
  deleted,
  gone,
});
const replies = Object.fromEntries(bodies.map(([name, { status, data }]) => [name, { status, data }]));
process.stdout.write(JSON.stringify({ ...replies, streamed, stopped }));
