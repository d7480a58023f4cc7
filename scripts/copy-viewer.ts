import { copyViewer } from './viewer';

copyViewer('dist');
