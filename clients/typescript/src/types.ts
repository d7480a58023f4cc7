import type { components, operations } from './openapi.ts';

/** The types of the server's OpenAPI document, under the names that apps use. */
type Schemas = components['schemas'];

export type Account = Schemas['Account'];
export type AnswerFile = Schemas['AnswerFile'];
export type ExportLine = Schemas['ExportLine'];
export type Message = Schemas['Message'];
export type PersonalToken = Schemas['PersonalToken'];
export type QuestionFile = Schemas['QuestionFile'];
export type RecordedConversation = Schemas['HistoryConversation'];
export type RecordedMessage = Schemas['RecordedMessage'];
export type SearchHit = Schemas['SearchHit'];
export type Session = Schemas['Session'];
export type SessionMessage = Schemas['SessionMessage'];
type CharacterFields = Schemas['Character'];
/** The server leaves out `prompt` if its operator wants so, and `avatar` unless it is asked for. */
export type Character = Omit<Required<CharacterFields>, 'prompt' | 'avatar'> &
  Pick<CharacterFields, 'prompt'> & { readonly avatar?: Picture | null };
export interface Picture {
  /** Relative to the server, unless pictures are stored elsewhere: see `files.url`. */
  readonly url: string;
  readonly alternativeText?: string | null;
  readonly [field: string]: unknown;
}
/** The client asks for whole messages, so each one has all its fields. */
export type Turn = Omit<Schemas['Turn'], 'messages'> & { readonly messages: readonly Message[] };
export type Outcome = NonNullable<Message['outcome']>;

/** The codes of the server's errors. Later versions can add some. */
export type ErrorCode = Extract<Schemas['StreamEvent'], { event: 'error' }>['code'];

type Operations = operations;
type JsonOf<Body> = Body extends { content: { 'application/json': infer Json } } ? Json : never;

/** The JSON of a successful reply. */
export type Reply<Name extends keyof Operations> = Operations[Name]['responses'] extends infer Responses
  ? JsonOf<
      Responses extends { 200: infer Ok } ? Ok : Responses extends { 201: infer Created } ? Created : never
    >
  : never;

/** The JSON of a request. */
export type Body<Name extends keyof Operations> = JsonOf<
  NonNullable<Operations[Name] extends { requestBody?: infer Request } ? Request : never>
>;
