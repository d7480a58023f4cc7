import type { FormField } from './apps';
import type { Call } from './call';
import type { HttpAnswer } from './wire';

export const off = { enabled: false };
export const image = {
  enabled: false,
  number_limits: 3,
  detail: 'high',
  transfer_methods: ['remote_url', 'local_file'],
};

/** GET /parameters. A chatflow keeps its settings in another form than the older kinds of app. */
export function getParameters({ app }: Call): HttpAnswer {
  const isChatflow = app.mode === 'advanced-chat';
  const toField = isChatflow ? chatflowField : formField;
  const json = {
    opening_statement: app.openingStatement,
    suggested_questions: app.suggestedQuestions,
    suggested_questions_after_answer: { enabled: app.suggestsQuestions },
    speech_to_text: off,
    text_to_speech: { ...off, voice: '', language: '' },
    retriever_resource: { enabled: true },
    annotation_reply: off,
    more_like_this: off,
    user_input_form: app.form.map((field) => ({ [field.type]: toField(field) })),
    sensitive_word_avoidance: isChatflow ? off : { ...off, type: '', configs: [] },
    file_upload: isChatflow ? off : { image: { ...image, enabled: app.takesFiles } },
    system_parameters: {
      image_file_size_limit: 10,
      video_file_size_limit: 100,
      audio_file_size_limit: 50,
      file_size_limit: 15,
      workflow_file_upload_limit: 10,
    },
  };
  return { status: 200, json };
}

export function formField({
  variable,
  label = variable,
  required = false,
  maxLength,
  options,
}: FormField): unknown {
  return { label, variable, required, default: '', max_length: maxLength, options };
}

function chatflowField(field: FormField): unknown {
  const { type, variable, label = variable, required = false, maxLength, options = [] } = field;
  return { variable, label, type, required, max_length: maxLength, options };
}

/** GET /info. 0.15 does not return the mode. */
export function getInfo({ app, emulation }: Call): HttpAnswer {
  const { name, description, mode } = app;
  const old = { name, description, tags: [] };
  return { status: 200, json: emulation.profile === '0.15' ? old : { ...old, mode, author_name: 'owner' } };
}

/** GET /meta. Returns the icons of the tools that an agent uses. */
export function getMeta({ app }: Call): HttpAnswer {
  const icon = 'http://localhost:5001/console/api/workspaces/current/tool-provider/builtin/time/icon';
  const hasTools = app.mode === 'agent-chat' || app.mode === 'agent';
  return { status: 200, json: { tool_icons: hasTools ? { current_time: icon } : {} } };
}
