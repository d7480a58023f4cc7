import type { Route } from '../platform/router';
import { AccountPage } from './account-page';
import { LoginPage } from './login-page';
import { ForgotPasswordPage, ResetPasswordPage } from './password-pages';
import { RegisterPage } from './register-page';

type AccountRoute = Exclude<Route, { page: 'start' | 'conversation' }>;

/** The pages around an account, by their address. */
export function AccountPages({ route }: { readonly route: AccountRoute }) {
  switch (route.page) {
    case 'login':
      return <LoginPage />;
    case 'register':
      return <RegisterPage />;
    case 'forgot-password':
      return <ForgotPasswordPage />;
    case 'reset-password':
      return <ResetPasswordPage code={route.code} />;
    case 'account':
      return <AccountPage />;
  }
}
