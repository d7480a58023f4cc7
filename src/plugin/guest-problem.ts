/** A reason why the plugin cannot work in this project. The message says what to do. */
export class GuestProblem extends Error {
  constructor(sentence: string) {
    super(`character-chat: ${sentence}`);
    this.name = 'GuestProblem';
    // Strapi prints the stack of an error that stops the start. It does not help the operator.
    this.stack = '';
  }
}
