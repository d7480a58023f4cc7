import { describeHistoryStore } from './contract';

describeHistoryStore('postgres', false);
describeHistoryStore('postgres', true);
