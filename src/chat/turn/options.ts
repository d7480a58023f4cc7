import type { TurnSettings } from '../settings';
import type { FileLinks } from '../contract/file/link';
import type { Uploads } from '../file/uploads';
import type { UpstreamConversation } from '../ports/unneeded-conversations';
import type { Upstreams } from '../ports/upstreams';
import type { TurnStore } from '../ports/turn-store';
import type { CharacterSource } from '../ports/character-source';
import type { Message } from '../model/message';
import type { OtherNodes } from '../stream/other-nodes';
import type { LiveTurns } from '../stream/live-turns';
import type { TurnLimits } from '../limits/turn-limits';
import type { Log } from '../shared/log';

/** The parts that turns need. */
export interface TurnOptions {
  readonly settings: TurnSettings;
  readonly upstreams: Upstreams;
  readonly uploads: Pick<Uploads, 'check' | 'read'>;
  readonly fileLinks: FileLinks;
  readonly store: TurnStore;
  readonly characters: CharacterSource;
  readonly live: LiveTurns;
  readonly otherNodes: OtherNodes;
  readonly limits: TurnLimits;
  readonly log: Log;
  /** Returns whether other processes see this one as alive, so that it need not report its turns often. Default: yes. */
  readonly isSeen?: (() => boolean) | undefined;
  /** The turns call this each time they have saved the end of a turn. It must not throw. */
  readonly onTurnEnded: (turnId: string) => void;
  /** The turns call this when asking a question again has superseded it and all lines after it. */
  readonly onSuperseded: (question: Message, turnId: string) => void;
  /** Lets the upstream delete a conversation, unless a session has it. Never rejects. */
  readonly dropConversation: (conversation: UpstreamConversation) => Promise<void>;
}
