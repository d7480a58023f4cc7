import { language, languageNames, languages, words } from '../i18n';
import { isLoggedIn } from '../platform/login';
import { theme, themes } from '../platform/theme';
import { Icon } from '../ui/icon';
import { Link } from '../ui/link';
import { Menu } from '../ui/menu';

export function Header() {
  return (
    <header class="header">
      <Link to={{ page: 'start' }} class="brand">
        {words.value.appName}
      </Link>
      {isLoggedIn.value && (
        <Link to={{ page: 'account' }} class="icon-button" aria-label={words.value.account}>
          <Icon name="user" />
        </Link>
      )}
      <SettingsMenus />
    </header>
  );
}

/** The menus for the language and the theme. */
export function SettingsMenus() {
  const { language: languageLabel, theme: themeLabel, themeSystem, themeLight, themeDark } = words.value;
  const themeNames = { system: themeSystem, light: themeLight, dark: themeDark };
  return (
    <>
      <Menu
        label={languageLabel}
        items={languages.map((value) => ({
          label: languageNames[value],
          isChecked: value === language.value,
          onSelect: () => (language.value = value),
        }))}
      >
        <Icon name="globe" />
      </Menu>
      <Menu
        label={themeLabel}
        items={themes.map((value) => ({
          label: themeNames[value],
          isChecked: value === theme.value,
          onSelect: () => (theme.value = value),
        }))}
      >
        <Icon name="theme" />
      </Menu>
    </>
  );
}
