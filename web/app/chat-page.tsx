import { words } from '../i18n';
import { Header } from './header';

/** The conversations beside the open one. */
export function ChatPage() {
  return (
    <div class="chat-page">
      <Header />
      <main>
        <h1>{words.value.chooseCharacter}</h1>
      </main>
    </div>
  );
}
