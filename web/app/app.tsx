import { AccountPages } from '../account/pages';
import { isLoggedIn } from '../platform/login';
import { route } from '../platform/router';
import { Toasts } from '../ui/toast';
import { ChatPage } from './chat-page';
import { Header } from './header';

/** The page of the address. Without a login, the chat pages show the login. */
export function App() {
  const { value } = route;
  const isChat = value.page === 'start' || value.page === 'conversation';
  const isPublic = !isChat && value.page !== 'account';
  return (
    <>
      {isChat && isLoggedIn.value ? (
        <ChatPage />
      ) : (
        <div class="account-page">
          <Header />
          <main>
            <AccountPages route={isPublic || (!isChat && isLoggedIn.value) ? value : { page: 'login' }} />
          </main>
        </div>
      )}
      <Toasts />
    </>
  );
}
