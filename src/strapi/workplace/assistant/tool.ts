import type { Core } from '@strapi/strapi';
import { errors } from '@strapi/utils';
import type { z } from 'zod';

import { ChatError, describeError } from '../../../chat';
import { CardError } from '../../character-cards/card-error';

/** The owner of the token with which an assistant calls. */
export interface Editor {
  readonly id: number;
  /** The rights of the token, which are some of those of its owner. */
  readonly userAbility: { can(action: string): boolean };
}

export interface ToolCall<Input> {
  readonly editor: Editor;
  readonly args: Input;
  /** Fires when the request ends. */
  readonly signal: AbortSignal;
}

/** A tool of Strapi's MCP server. It never returns an API key. */
export interface AssistantTool<Input extends z.ZodObject, Output extends z.ZodObject> {
  readonly name: string;
  readonly title: string;
  /** Tells the assistant what the tool does, and its limits. */
  readonly description: string;
  /** The right without which the tool does not exist for a token. */
  readonly right: { readonly action: string; readonly subject?: string };
  readonly input: Input;
  readonly output: Output;
  /** @throws an error of Strapi, a ChatError or a CardError, whose message the assistant gets. */
  run(strapi: Core.Strapi, call: ToolCall<z.output<Input>>): Promise<z.output<Output>>;
}

/** Adds a tool. Call it in `register`, before the MCP server starts. */
export function addTool<Input extends z.ZodObject, Output extends z.ZodObject>(
  strapi: Core.Strapi,
  { name, title, description, right, input, output, run }: AssistantTool<Input, Output>,
): void {
  strapi.ai.mcp.registerTool({
    name,
    title,
    description,
    auth: { policies: [right] },
    resolveInputSchema: () => input as z.ZodObject,
    resolveOutputSchema: () => output as z.ZodObject,
    createHandler:
      (_strapi, { user, userAbility }) =>
      async ({ args, extra }) => {
        const editor = { id: Number(user.id), userAbility: userAbility as unknown as Editor['userAbility'] };
        const signal = extra.signal ?? new AbortController().signal;
        try {
          const result = await run(strapi, { editor, args: args as z.output<Input>, signal });
          return { content: [toText(JSON.stringify(result))], structuredContent: result };
        } catch (error) {
          return { content: [toText(toSentence(strapi, name, error))], isError: true };
        }
      },
  });
}

const toText = (text: string) => ({ type: 'text' as const, text });

/** Other errors can quote SQL or texts of users, so the assistant gets none of their words. */
function toSentence(strapi: Core.Strapi, name: string, error: unknown): string {
  const isPublic = [errors.ApplicationError, ChatError, CardError].some((kind) => error instanceof kind);
  if (isPublic) return (error as Error).message;
  strapi.log.error(`The tool ${name} of an assistant failed: ${describeError(error)}`);
  return 'The server failed. Contact the operator, who finds the error in the log.';
}
