#!/usr/bin/env tsx
import { readApplication } from './doctor/application';
import { runDoctor } from './doctor/command';

void runDoctor(readApplication, 'npm run doctor --');
