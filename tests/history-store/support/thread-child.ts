import type { HistoryStoreSettings } from '../../../src/chat';
import { openInThread } from './in-thread';
import { record } from './records';

/** Saves one record in the store it is told of, says so, and has nothing more to do. */
const store = openInThread(JSON.parse(process.argv[2] ?? '') as HistoryStoreSettings);
void store.save([record()]).then(() => process.stdout.write('saved'));
