import { contentManagerOf, type AdminPart } from '../shared/part';
import { exportActions } from './ExportCard';
import { ImportCards } from './ImportCards';
import { chinese, english } from './translations';

/** Import and export of character cards in the list and the form of characters. */
export const cards: AdminPart = {
  english,
  chinese,
  bootstrap(app) {
    const contentManager = contentManagerOf(app);
    contentManager.injectComponent('listView', 'actions', { name: 'import-cards', Component: ImportCards });
    contentManager.apis.addDocumentAction(exportActions);
  },
};
