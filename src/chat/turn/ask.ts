import type { AnsweringCharacter } from '../model/character';
import type { Question } from '../model/question';
import type { NewTurn } from '../model/turn';
import type { TakeEvents, Upstream, UpstreamModel } from '../ports/upstream';
import type { TurnOptions } from './options';

/** Sends the question in this conversation or, if null, in a new one. See `Upstream.ask`. */
export type Ask = (conversationId: string | null, take: TakeEvents, leave: AbortSignal) => Promise<void>;

interface Asked {
  readonly upstream: Upstream;
  readonly turn: NewTurn;
  readonly question: Question;
  readonly character: AnsweringCharacter;
  /** See `toUpstreamUser`. */
  readonly user: string;
}

/** Returns how the upstream is asked: with the character's prompt and model, and with what came before. */
export function toAsk(
  { store, uploads }: Pick<TurnOptions, 'store' | 'uploads'>,
  { upstream, turn, question, character, user }: Asked,
): Ask {
  const { prompt, upstream: choice } = character;
  const sent = {
    query: question.query,
    inputs: question.inputs,
    characterInputs: choice.inputs ?? {},
    prompt,
    user,
    files: turn.files,
    readFile: (id: string) => uploads.read(turn.owner, turn.thread.upstreamId, id),
    model: toModel(character),
    parameters: choice.modelParameters ?? {},
    earlier: () => store.readEarlier(turn),
  };
  return async (conversationId, take, leave) => {
    const parentMessageId =
      upstream.keepsConversations && upstream.hasBranches ? await saveParent(conversationId) : null;
    return upstream.ask({ ...sent, conversationId, parentMessageId }, take, leave);
  };

  /** Dify saves no answer that lost its reader. With an unknown parent, it would answer without any history. */
  async function saveParent(conversationId: string | null): Promise<string | null> {
    // A row begins without a parent. It has one to replace only if the upstream has lost the conversation.
    return turn.thread.conversationId === null ? null : store.saveParent(turn, conversationId);
  }
}

function toModel({ upstream: { model, modelProvider } }: AnsweringCharacter): UpstreamModel | undefined {
  return model === null ? undefined : { name: model, provider: modelProvider ?? undefined };
}
