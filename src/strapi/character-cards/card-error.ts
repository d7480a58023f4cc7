/** A file that is no usable character card. Its message is a sentence for the editor. */
export class CardError extends Error {
  override readonly name = 'CardError';
}
