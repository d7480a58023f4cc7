import { isFull } from '../../faults/support/scale';
import { describeHistoryStore } from './contract';

if (isFull) describeHistoryStore('postgres', false);
describeHistoryStore('postgres', true);
