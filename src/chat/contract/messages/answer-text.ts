/** An event of a stream that changes the text. */
interface TextEvent {
  readonly event: 'message' | 'message_replace';
  readonly answer: string;
}

/** The text of one turn, for a client that can only append. */
export interface TextReader {
  /** Returns the text that this event adds. Call it with the events in order. */
  read(event: TextEvent): string;
  /** Returns whether another text has replaced what the client has. Then nothing is added any more. */
  isTakenBack(): boolean;
}

/** @param wasTakenBack whether the events show only the end of a turn whose text was taken back. */
export function createTextReader(wasTakenBack = false): TextReader {
  let sent = '';
  let isTakenBack = false;
  return {
    read({ event, answer }) {
      const whole = event === 'message' ? sent + answer : answer;
      // A slow client gets the text so far again.
      if (!whole.startsWith(sent)) isTakenBack = true;
      if (isTakenBack) return '';
      const added = whole.slice(sent.length);
      sent = whole;
      return added;
    },
    isTakenBack: () => isTakenBack || wasTakenBack,
  };
}
