import { runCommand } from './history/command';
import { readPlaces } from './history/open';

void runCommand(readPlaces, 'npm run history --');
