import { schemas } from '../../../chat';
import { anyLimits } from '../../../http/operation';
import { answering, calling, writing } from '../../../http/route-errors';
import { streamed, userRoute } from '../../../http/user-route';

/** OpenAI's API: each published character is a model. */
export default {
  routes: [
    userRoute('GET', '/openai/v1/models', 'model.list', {
      id: 'openaiListModels',
      summary: 'List the characters as models',
      reply: { json: schemas.openaiModelList },
    }),
    userRoute('GET', '/openai/v1/models/:model', 'model.find', {
      id: 'openaiReadModel',
      summary: 'Read a character as a model',
      reply: { json: schemas.openaiModel },
      errors: ['character-not-found'],
    }),
    userRoute(
      'POST',
      '/openai/v1/chat/completions',
      'completion.create',
      {
        id: 'openaiCreateCompletion',
        summary: 'Ask a character, as a chat completion',
        headers: ['Idempotency-Key'],
        body: schemas.completionBody(anyLimits),
        reply: { json: schemas.openaiCompletion, events: 'OpenAIEvent' },
        errors: [...new Set([...answering, ...writing, ...calling])],
      },
      streamed,
    ),
  ],
};
