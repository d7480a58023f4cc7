import { describeHistoryStore } from './contract';
import { describeMysqlGrammar } from './support/mysql-grammar';

describeHistoryStore('mariadb', false);
describeHistoryStore('mariadb', true);
describeMysqlGrammar();
