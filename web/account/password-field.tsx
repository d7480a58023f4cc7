import { useEffect } from 'preact/hooks';

import { words } from '../i18n';
import { loadServerSettings, serverSettings } from '../platform/server-settings';
import { Field } from '../ui/field';

/** The field for a new password. Its name is `password`. */
export function NewPasswordField() {
  const { minPasswordChars } = serverSettings.value;
  useEffect(() => void loadServerSettings(), []);
  return (
    <Field
      label={words.value.newPassword(minPasswordChars)}
      name="password"
      type="password"
      autocomplete="new-password"
      minLength={minPasswordChars}
      required
    />
  );
}
