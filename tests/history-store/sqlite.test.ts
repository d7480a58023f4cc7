import { describeHistoryStore } from './contract';

describeHistoryStore('sqlite', false);
describeHistoryStore('sqlite', true);
