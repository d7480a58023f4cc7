/**
 * A chat in the terminal with the AI SDK. It shows the history of the chat, resumes an answer that runs, and asks a
 * question. Ctrl+C stops the answer. CHAT is a name for the chat: run the program again with it to go on.
 */
import { AbstractChat, DefaultChatTransport } from 'ai';

const { API: server, JWT: token, CHARACTER: character_id, CHAT: id = crypto.randomUUID() } = process.env;
const question = process.argv.slice(2).join(' ') || 'Is it lonely out here?';
const api = `${server}/api/ai-sdk/chat`;
const headers = { Authorization: `Bearer ${token}` };

const textOf = ({ parts }) => parts.map((part) => (part.type === 'text' ? part.text : '')).join('');

/** What `useChat` does in React: holds the messages, and shows them. */
class TerminalState {
  status = 'ready';
  error = undefined;
  #printed = new Map();

  constructor(messages) {
    this.messages = messages;
    for (const message of messages) this.#print(message);
  }
  pushMessage = (message) => {
    this.messages = [...this.messages, message];
    this.#print(message);
  };
  popMessage = () => {
    this.messages = this.messages.slice(0, -1);
  };
  replaceMessage = (index, message) => {
    this.messages = this.messages.with(index, this.snapshot(message));
    this.#print(message);
  };
  snapshot = (thing) => globalThis.structuredClone(thing);

  /** Prints the part of a message that is new. */
  #print(message) {
    const text = textOf(message);
    const printed = this.#printed.get(message.id);
    if (printed === undefined) process.stdout.write(`\n${message.role}: `);
    process.stdout.write(text.slice(printed ?? 0));
    this.#printed.set(message.id, text.length);
  }
}

class Chat extends AbstractChat {}

const history = await fetch(`${api}/${encodeURIComponent(id)}`, { headers });
const chat = new Chat({
  id,
  state: new TerminalState(history.ok ? await history.json() : []),
  transport: new DefaultChatTransport({ api, headers, body: { character_id } }),
});
process.on('SIGINT', () => void fetch(`${api}/${encodeURIComponent(id)}/stop`, { method: 'POST', headers }));

await chat.resumeStream();
await chat.sendMessage({ text: question });
if (chat.error !== undefined) throw chat.error;
process.stdout.write('\n');
