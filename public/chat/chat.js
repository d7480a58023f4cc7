/**
 * A small client of the chat API, without a build step and without a library. `createClient` and `readEvents` know
 * nothing of the page: copy them. Whatever comes from the server goes into the page by `textContent` only.
 */

// --- The API -------------------------------------------------------------------------------------

/** The tokens stay in this tab, through a reload, and are gone with it. */
function createClient(storage) {
  const read = () => JSON.parse(storage.getItem('tokens'));
  const write = ({ jwt, refreshToken, user = read()?.user }) =>
    storage.setItem('tokens', JSON.stringify({ jwt, refreshToken, user }));

  async function send(path, { body, stream = false, token }) {
    const headers = { Accept: stream ? 'text/event-stream' : 'application/json' };
    if (body) headers['Content-Type'] = 'application/json';
    if (token) headers.Authorization = `Bearer ${token}`;
    const request = body ? { method: 'POST', body: JSON.stringify(body) } : {};
    const response = await fetch(path, { ...request, headers });
    if (response.ok) return response;
    const { error } = await response.json().catch(() => ({}));
    throw Object.assign(new Error(error?.message ?? response.statusText), { status: response.status });
  }

  /** The access token is good for an hour. Then the refresh token buys a new pair, once. */
  async function sendAsUser(path, options = {}) {
    try {
      return await send(path, { ...options, token: read()?.jwt });
    } catch (error) {
      if (error.status !== 401 || !read()?.refreshToken) throw error;
      const renewed = await send('/api/auth/refresh', { body: { refreshToken: read().refreshToken } });
      write(await renewed.json());
      return send(path, { ...options, token: read().jwt });
    }
  }

  const list = async (path, query) => (await sendAsUser(`${path}?${new URLSearchParams(query)}`)).json();
  return {
    user: () => read()?.user ?? null,
    logOut: () => storage.removeItem('tokens'),
    /** `path` is /api/auth/local with identifier and password, or …/register with username, email and password. */
    enter: async (path, fields) => write(await (await send(path, { body: fields })).json()),
    characters: () => list('/api/ai-characters', { 'pagination[pageSize]': 100, sort: 'name' }),
    /** The messages with one character, newest first. `cursor` is the `meta.nextCursor` of the page before. */
    messages: (characterId, cursor) =>
      list('/api/chat-conversations/my-list', {
        'filters[ai_character][documentId][$eq]': characterId,
        pageSize: 20,
        ...(cursor && { cursor }),
      }),
    /** The events of an answer, as they arrive. Without `sessionId` a new session begins. */
    async *ask({ characterId, query, sessionId }) {
      const body = { data: { character_id: characterId, query, session_id: sessionId } };
      const response = await sendAsUser('/api/chat-conversations/create-message', { body, stream: true });
      yield* readEvents(response.body);
    },
  };
}

/**
 * Server-sent events whose data is JSON. The network may cut anywhere: in a character, between CR and LF, in a frame.
 * So bytes become text by a decoder that waits for the rest of a character, text becomes lines only where a line has
 * certainly ended, and lines become an event at the empty line. Comments (`: `) are there to keep the connection.
 */
async function* readEvents(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  let data = [];
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      // A CR at the very end may be half of a CR LF: it stays in the rest.
      const lines = (rest + value).split(/\r\n|\n|\r(?!$)/u);
      rest = lines.pop();
      for (const line of lines) {
        if (line.startsWith('data:')) data.push(line.slice(line[5] === ' ' ? 6 : 5));
        if (line !== '' || data.length === 0) continue;
        yield JSON.parse(data.join('\n'));
        data = [];
      }
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

// --- The words: those of index.html stand there, with their Chinese in `data-zh` --------------------

const words = {
  you: ['You', '你'],
  earlier: ['Earlier messages', '更早的消息'],
  suggestions: ['You could ask', '可以这样问'],
  noCharacters: ['No character is published yet.', '还没有已发布的角色。'],
  pending: ['Still being answered …', '正在回答……'],
  stopped: ['Stopped.', '已停止。'],
  interrupted: ['The answer broke off here.', '回答在此中断。'],
  failed: ['The answer failed.', '回答失败。'],
  lost: ['The connection was lost. The answer will be in the history.', '连接断开了，回答仍会写完并保存。'],
  offline: ['The server cannot be reached.', '无法连接服务器。'],
  loggedOut: ['Please log in again.', '请重新登录。'],
};

let language = navigator.language.startsWith('zh') ? 'zh' : 'en';

function setLanguage(chosen) {
  language = chosen;
  document.documentElement.lang = chosen;
  for (const element of document.querySelectorAll('[data-zh]')) {
    element.dataset.en ??= element.textContent.trim();
    element.textContent = element.dataset[chosen];
  }
}

const word = (name) => words[name][language === 'zh' ? 1 : 0];

// --- The page ------------------------------------------------------------------------------------

const client = createClient(sessionStorage);
let character = null;
let sessionId = null;
/** Grows whenever the log shows something else: what was begun for the old view does not touch the new one. */
let view = 0;

const $ = (id) => document.getElementById(id);

/** An element with a text, or with a word of ours that follows the language. */
function make(tag, { text, className = '', name } = {}) {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = name === undefined ? (text ?? '') : word(name);
  if (name !== undefined) [element.dataset.en, element.dataset.zh] = words[name];
  return element;
}

function makeButton(options, onClick) {
  const button = make('button', options);
  button.type = 'button';
  button.addEventListener('click', (event) => void Promise.resolve(onClick(event)).catch(tell));
  return button;
}

/** A 401 that a refresh could not mend ends the login. Without a status nobody answered: no connection. */
function tell(error) {
  const hasExpired = error.status === 401 && client.user() !== null;
  if (hasExpired) leave();
  const place = $(client.user() === null ? 'login-problem' : 'problem');
  if (hasExpired) place.textContent = word('loggedOut');
  else place.textContent = error.status === undefined ? word('offline') : error.message;
}

function leave() {
  client.logOut();
  clearLog();
  showPage();
}

function showPage() {
  const user = client.user();
  $('welcome').hidden = user !== null;
  $('chat').hidden = user === null;
  $('log-out').hidden = user === null;
  $('who').textContent = user?.username ?? '';
  if (user !== null) showCharacters().catch(tell);
}

async function showCharacters() {
  const { data } = await client.characters();
  const buttons = data.map((one) => {
    const button = makeButton({}, () => choose(one));
    button.dataset.id = one.documentId;
    button.append(make('strong', { text: one.name }), make('span', { text: one.introduce ?? '' }));
    return button;
  });
  $('characters').replaceChildren(...buttons);
  if (data.length > 0) await choose(data[0]);
  else $('problem').textContent = word('noCharacters');
}

/** Shows what was said with this character, and goes on with the latest session. */
async function choose(one) {
  character = one;
  sessionId = null;
  for (const button of $('characters').children) {
    button.setAttribute('aria-pressed', String(button.dataset.id === one.documentId));
  }
  $('character-name').textContent = one.name;
  $('introduce').textContent = one.introduce ?? '';
  const mine = clearLog();
  $('send').disabled = true;
  const { data, meta } = await client.messages(one.documentId);
  if (mine !== view) return;
  $('send').disabled = false;
  sessionId = data[0]?.session_id ?? null;
  if (data.length === 0) showOpening();
  showEarlier(data, meta.nextCursor);
  $('log').scrollTop = $('log').scrollHeight;
}

function clearLog() {
  $('problem').textContent = '';
  $('log').replaceChildren();
  $('send').disabled = false;
  return (view += 1);
}

function showOpening() {
  if (character.opening_statement) addMessage('assistant', character.opening_statement);
  const questions = character.suggested_questions;
  if (!Array.isArray(questions)) return;
  const list = make('p', { className: 'suggestions' });
  const buttons = questions.map((text) => makeButton({ text }, () => ask(text)));
  list.append(make('span', { name: 'suggestions', className: 'quiet' }), ...buttons);
  $('log').append(list);
}

/** Puts a page of messages, newest first, above what is shown. A line stands between two sessions. */
function showEarlier(messages, cursor) {
  messages.forEach(({ role, query, answer, outcome, session_id }, index) => {
    if (index > 0 && session_id !== messages[index - 1].session_id) $('log').prepend(make('hr'));
    const message = makeMessage(role, role === 'user' ? query : (answer ?? ''));
    if (role === 'assistant' && outcome in words) addNote(message, outcome);
    $('log').prepend(message);
  });
  if (cursor === null) return;
  const button = makeButton({ name: 'earlier', className: 'plain' }, async () => {
    const page = await client.messages(character.documentId, cursor);
    // A second click, or another character meanwhile, has taken it away.
    if (!button.isConnected) return;
    button.remove();
    showEarlier(page.data, page.meta.nextCursor);
  });
  $('log').prepend(button);
}

function makeMessage(role, text) {
  const message = make('article', { className: role });
  const speaker = role === 'user' ? { name: 'you' } : { text: character.name };
  message.append(make('h3', { ...speaker, className: 'hidden' }), make('p', { text }));
  return message;
}

function addMessage(role, text) {
  const message = makeMessage(role, text);
  $('log').append(message);
  message.scrollIntoView({ block: 'end' });
  return message;
}

const addNote = (message, name) => message.append(make('p', { name, className: 'quiet' }));

async function ask(query) {
  if ($('send').disabled) return;
  const mine = view;
  $('problem').textContent = '';
  $('log').querySelector('.suggestions')?.remove();
  const question = addMessage('user', query);
  const answer = addMessage('assistant', '');
  $('send').disabled = true;
  // A screen reader speaks the answer when it is whole, not each piece of it.
  answer.setAttribute('aria-busy', 'true');
  try {
    await follow(client.ask({ characterId: character.documentId, query, sessionId }), answer, mine);
  } catch (error) {
    // Refused before the first event: nothing is saved, and the question goes back to where it can be sent again.
    if (mine === view) $('query').value ||= query;
    for (const message of [question, answer]) message.remove();
    tell(error);
  }
  answer.removeAttribute('aria-busy');
  if (mine === view) $('send').disabled = false;
}

/** @throws what happened before the first event. After it, everything is told below the answer. */
async function follow(events, answer, mine) {
  const text = answer.querySelector('p');
  let hasBegun = false;
  try {
    for await (const event of events) {
      hasBegun = true;
      if (mine !== view) return;
      if (event.event === 'turn_started') sessionId = event.session_id;
      if (event.event === 'message') text.append(event.answer);
      if (event.event === 'message_replace') text.textContent = event.answer;
      if (event.event === 'message_end') return event.outcome === 'stopped' && addNote(answer, 'stopped');
      if (event.event === 'error') return showFailure(answer, event);
      keepInSight();
    }
  } catch (error) {
    if (!hasBegun) throw error;
  }
  // The stream ended without its last event.
  if (mine === view) addNote(answer, 'lost');
}

function showFailure(answer, { outcome, code, message }) {
  addNote(answer, outcome);
  $('problem').textContent = message;
  // The next question then begins a new session.
  if (code === 'upstream-conversation-gone') sessionId = null;
}

/** Follows the answer down, unless somebody has scrolled up to read. */
function keepInSight() {
  const log = $('log');
  if (log.scrollHeight - log.scrollTop - log.clientHeight < 120) log.scrollTop = log.scrollHeight;
}

// --- What people do ------------------------------------------------------------------------------

for (const form of document.querySelectorAll('form[data-path]')) {
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    $('login-problem').textContent = '';
    const fields = Object.fromEntries(new FormData(form));
    client.enter(form.dataset.path, fields).then(() => {
      form.reset();
      showPage();
    }, tell);
  });
}

$('log-out').addEventListener('click', leave);
$('language').addEventListener('click', () => setLanguage(language === 'zh' ? 'en' : 'zh'));

$('new-session').addEventListener('click', () => {
  sessionId = null;
  clearLog();
  showOpening();
  $('query').focus();
});

$('ask').addEventListener('submit', (event) => {
  event.preventDefault();
  const query = $('query').value;
  if (query.trim() === '' || $('send').disabled) return;
  $('query').value = '';
  ask(query);
});

$('query').addEventListener('keydown', (event) => {
  // Enter also confirms a word in a Chinese or Japanese input method: that one is not for us.
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  $('ask').requestSubmit();
});

setLanguage(language);
showPage();
