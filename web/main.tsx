import './styles/index.css';

import { render } from 'preact';

import { App } from './app/app';
import { startLanguage } from './i18n';
import { startRouter } from './platform/router';
import { startTheme } from './platform/theme';

startLanguage();
startTheme();
startRouter();

const root = document.getElementById('app');
if (root !== null) render(<App />, root);
