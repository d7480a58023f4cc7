/** Uses the npm package `chatgpt`, unmodified. Prints its answers as JSON. Arguments: the token, the base URL, the model. */
import process from 'node:process';

import { ChatGPTAPI } from 'chatgpt';

const [apiKey, apiBaseUrl, model] = process.argv.slice(2);
const api = new ChatGPTAPI({ apiKey, apiBaseUrl, completionParams: { model } });

const first = await api.sendMessage('Who are you?');
const pieces = [];
const second = await api.sendMessage('Since when?', {
  parentMessageId: first.id,
  onProgress: ({ delta }) => pieces.push(delta ?? ''),
});
const refused = await new ChatGPTAPI({ apiKey: 'wrong', apiBaseUrl, completionParams: { model } })
  .sendMessage('Who are you?')
  .catch(({ statusCode }) => statusCode);

process.stdout.write(JSON.stringify({ first, second, streamed: pieces.join(''), refused }));
