import { isFull } from '../../faults/support/scale';
import { describeHistoryStore } from './contract';
import { describeMysqlGrammar } from './support/mysql-grammar';

if (isFull) describeHistoryStore('mariadb', false);
describeHistoryStore('mariadb', true);
describeMysqlGrammar();
