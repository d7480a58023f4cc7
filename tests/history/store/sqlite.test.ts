import { isFull } from '../../faults/support/scale';
import { describeHistoryStore } from './contract';
import { openInThread } from './support/in-thread';

describeHistoryStore('sqlite', false, openInThread);
describeHistoryStore('sqlite', true, openInThread);
// `npm run history` opens the store in its own thread, without a worker. Its own tests use it like this, too.
if (isFull) describeHistoryStore('sqlite', true);
