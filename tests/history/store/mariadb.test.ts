import { describeHistoryStore } from './contract';

describeHistoryStore('mariadb', false);
describeHistoryStore('mariadb', true);
