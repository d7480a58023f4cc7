import { createUseText } from '../shared/create-use-text';
import { english } from './translations';

export const useText = createUseText(english);
