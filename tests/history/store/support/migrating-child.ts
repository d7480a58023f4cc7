import type { HistoryStoreSettings } from '../../../../src/history';
import { openHistoryStore } from '../../../../src/history/store/open';

/** Opens the store of its first argument, which starts to migrate. Runs until it is killed. */
const store = openHistoryStore(JSON.parse(process.argv[2] ?? '') as HistoryStoreSettings);
setInterval(() => undefined, 1_000);
void store.countConversations('everybody');
