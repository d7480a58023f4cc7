import { describeHistoryStore } from './contract';
import { openInThread } from './support/in-thread';

describeHistoryStore('sqlite', false, openInThread);
describeHistoryStore('sqlite', true, openInThread);
// As `npm run history` opens it.
describeHistoryStore('sqlite', true);
