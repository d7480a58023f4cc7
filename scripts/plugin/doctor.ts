#!/usr/bin/env node
import { parseChatSettings } from '../../src/chat';
import { toUnusable, unseal, type Application } from '../doctor/application';
import { runDoctor } from '../doctor/command';
import { readHost } from './host';

function readApplication(): Application {
  try {
    const { variables, database, secret } = readHost();
    return { settings: parseChatSettings(variables), database, secret, unseal };
  } catch (error) {
    throw toUnusable(error);
  }
}

void runDoctor(readApplication, 'npx character-chat-doctor');
