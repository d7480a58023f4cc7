/** Asks a character with fetch alone, and continues the answer if the connection breaks. */
const { API: api, JWT: token, CHARACTER: characterId } = process.env;
const key = crypto.randomUUID();

/** Sends the question until its turn is known. Then it follows the turn after the last event. */
function open(turnId, lastEventId) {
  const headers = { Authorization: `Bearer ${token}`, Accept: 'text/event-stream' };
  if (turnId !== null) {
    const url = `${api}/api/chat-conversations/turns/${turnId}/stream`;
    return fetch(url, { headers: { ...headers, 'Last-Event-ID': String(lastEventId) } });
  }
  return fetch(`${api}/api/chat-conversations/create-message`, {
    method: 'POST',
    headers: { ...headers, 'Content-Type': 'application/json', 'Idempotency-Key': key },
    body: JSON.stringify({ data: { character_id: characterId, query: 'Is it lonely out here?' } }),
  });
}

/** Yields each event with its number. */
async function* readEvents(body) {
  let buffer = '';
  for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
    const frames = (buffer + chunk).split('\n\n');
    buffer = frames.pop();
    for (const frame of frames) {
      const [, id, data] = /^id: (\d+)\ndata: ([^\n]*)$/u.exec(frame) ?? [];
      if (id !== undefined) yield { ...JSON.parse(data), seq: Number(id) };
    }
  }
}

async function ask() {
  let [turnId, lastEventId, text] = [null, 0, ''];
  for (let failures = 0; failures < 5; failures += 1) {
    try {
      const response = await open(turnId, lastEventId);
      if (!response.ok) throw new Error(`The server replied ${response.status}: ${await response.text()}`);
      for await (const event of readEvents(response.body)) {
        [turnId, lastEventId, failures] = [event.turn_id, event.seq, 0];
        if (event.event === 'turn_started') text = '';
        if (event.event === 'message') text += event.answer;
        if (event.event === 'message_replace') text = event.answer;
        if (event.event === 'message_end') return text;
        if (event.event === 'error') throw new Error(`${event.code}: ${event.message}`);
      }
    } catch (error) {
      // fetch throws a TypeError if the connection fails or is cut.
      if (!(error instanceof TypeError)) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 250 * 2 ** failures));
  }
  throw new Error('The server cannot be reached.');
}

console.log(await ask());
