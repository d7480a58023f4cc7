import { describeHistoryStore } from './contract';
import { openInThread } from './support/in-thread';

describeHistoryStore('sqlite', false, openInThread);
describeHistoryStore('sqlite', true, openInThread);
// `npm run history` opens the store in its own thread, without a worker.
describeHistoryStore('sqlite', true);
