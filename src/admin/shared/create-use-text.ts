import { useIntl } from 'react-intl';

/**
 * Returns a hook for the texts of one part. The hook returns a function that gives a text in the language of the
 * administrator.
 */
export function createUseText<Id extends string>(english: Readonly<Record<Id, string>>) {
  return function useText() {
    const { formatMessage } = useIntl();
    return (id: Id, values?: Readonly<Record<string, string | number>>): string =>
      formatMessage({ id, defaultMessage: english[id] }, values);
  };
}
