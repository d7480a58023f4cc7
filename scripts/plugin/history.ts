#!/usr/bin/env node
import { HistoryProblem, parseHistoryStoreSettings } from '../../src/history';
import { runCommand, type Places } from '../history/command';
import { HistoryCommandError } from '../history/screen';
import { readHost } from './host';

function readPlaces(): Places {
  const { folder, variables, database: mainDatabase } = readHost();
  const store = parseHistoryStoreSettings({ ...variables, folder, mainDatabase });
  if (store instanceof HistoryProblem) throw new HistoryCommandError(store.message);
  return { store, mainDatabase };
}

void runCommand(readPlaces, 'npx character-chat-history');
