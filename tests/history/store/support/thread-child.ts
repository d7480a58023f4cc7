import type { HistoryStoreSettings } from '../../../../src/history';
import { openInThread } from './in-thread';
import { record } from './records';

/** Saves two records in the store of its first argument, then prints "saved" and has nothing more to do. */
const store = openInThread(JSON.parse(process.argv[2] ?? '') as HistoryStoreSettings);
void store
  .save([record()])
  .then(() => store.save([record({ recordId: 'turn-2' })]))
  .then(() => process.stdout.write('saved'));
