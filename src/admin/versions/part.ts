import { contentManagerOf, type AdminPart } from '../shared/part';
import { chinese, english } from './translations';
import { VersionsPanel } from './VersionsPanel';

/** A panel beside the form of a character: its published versions with the counts of their answers. */
export const versions: AdminPart = {
  english,
  chinese,
  bootstrap(app) {
    contentManagerOf(app).apis.addEditViewSidePanel([VersionsPanel]);
  },
};
