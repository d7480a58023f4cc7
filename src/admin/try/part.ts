import { contentManagerOf, type AdminPart } from '../shared/part';
import { chinese, english } from './translations';
import { TryPanel } from './TryPanel';

/** A panel beside the form of a character, in which editors chat with its saved draft. */
export const tryCharacters: AdminPart = {
  english,
  chinese,
  bootstrap(app) {
    contentManagerOf(app).apis.addEditViewSidePanel([TryPanel]);
  },
};
