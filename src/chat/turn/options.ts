import type { TurnSettings } from '../settings';
import type { Upstream } from '../ports/upstream';
import type { TurnStore } from '../ports/turn-store';
import type { CharacterSource } from '../ports/character-source';
import type { LiveTurns } from '../stream/live-turns';
import type { TurnLimits } from '../limits/turn-limits';
import type { Log } from '../shared/log';

/** What turns are made of and kept with. */
export interface TurnOptions {
  readonly settings: TurnSettings;
  readonly upstream: Upstream;
  readonly store: TurnStore;
  readonly characters: CharacterSource;
  readonly live: LiveTurns;
  readonly limits: TurnLimits;
  readonly log: Log;
  /** Called each time the end of a turn is saved. Must not throw. */
  readonly onTurnEnded: () => void;
}
