import { AbstractChat, type ChatInit, type ChatState, type ChatStatus, type UIMessage } from 'ai';

/** What the server sends as the metadata of a message. */
export interface Metadata {
  readonly session_id: string;
  readonly turn_id: string;
  readonly outcome?: string;
  readonly usage?: { readonly totalTokens: number };
}
export type Message = UIMessage<Metadata>;

/** The state of a chat without a framework. React's hook keeps the same. */
class PlainState implements ChatState<Message> {
  status: ChatStatus = 'ready';
  error: Error | undefined = undefined;
  constructor(public messages: Message[]) {}
  pushMessage = (message: Message) => void (this.messages = [...this.messages, message]);
  popMessage = () => void (this.messages = this.messages.slice(0, -1));
  replaceMessage = (index: number, message: Message) =>
    void (this.messages = this.messages.map((one, at) => (at === index ? this.snapshot(message) : one)));
  snapshot = <T>(thing: T): T => structuredClone(thing);
}

/** The chat of the AI SDK, as its `Chat` for React, Vue or Svelte. */
export class PlainChat extends AbstractChat<Message> {
  constructor({ messages = [], ...init }: ChatInit<Message>) {
    super({ ...init, state: new PlainState(messages) });
  }
}
