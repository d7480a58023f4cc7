import { formField, image, off } from '../app-info';
import type { Call } from '../call';
import type { HttpAnswer } from '../wire';
import { modelOf } from './chat-messages';

/** GET /console/api/apps/:app_id. Only the fields that the product can use. */
export function getConsoleApp({ app, emulation }: Call): HttpAnswer {
  const { id, name, description, mode } = app;
  const hasConfig = mode === 'chat' || mode === 'agent-chat' || mode === 'completion';
  const model_config = hasConfig ? configOf(app, modelOf(emulation.profile)) : null;
  return { status: 200, json: { id, name, description, mode, model_config } };
}

function configOf(app: Call['app'], model: unknown): Record<string, unknown> {
  return {
    opening_statement: app.openingStatement,
    suggested_questions: app.suggestedQuestions,
    suggested_questions_after_answer: { enabled: app.suggestsQuestions },
    speech_to_text: off,
    text_to_speech: { ...off, voice: '', language: '' },
    retriever_resource: { enabled: true },
    annotation_reply: off,
    more_like_this: off,
    sensitive_word_avoidance: { ...off, type: '', configs: [] },
    external_data_tools: [],
    model,
    user_input_form: app.form.map((field) => ({ [field.type]: formField(field) })),
    dataset_query_variable: '',
    pre_prompt: '{{prompt}}',
    agent_mode: {
      enabled: app.mode === 'agent-chat',
      max_iteration: 5,
      strategy: 'function_call',
      tools: [],
    },
    prompt_type: 'simple',
    chat_prompt_config: {},
    completion_prompt_config: {},
    dataset_configs: { retrieval_model: 'multiple', datasets: { datasets: [] } },
    file_upload: { image: { ...image, enabled: app.takesFiles } },
  };
}
