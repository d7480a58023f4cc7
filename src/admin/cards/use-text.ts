import { useIntl } from 'react-intl';

import { english, type MessageId } from './translations';

/** Returns a function that gives a text in the language of the administrator. */
export function useText() {
  const { formatMessage } = useIntl();
  return (id: MessageId, values?: Record<string, string>): string =>
    formatMessage({ id, defaultMessage: english[id] }, values);
}
