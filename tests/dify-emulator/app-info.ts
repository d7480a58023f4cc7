import type { App } from './apps';
import type { Call } from './call';
import type { HttpAnswer } from './wire';

const off = { enabled: false };
const transferMethods = ['remote_url', 'local_file'];

/** GET /parameters */
export function getParameters({ app }: Call): HttpAnswer {
  const json = {
    opening_statement: app.openingStatement,
    suggested_questions: [],
    suggested_questions_after_answer: { enabled: app.suggestsQuestions },
    speech_to_text: off,
    text_to_speech: { enabled: false, voice: '', language: '', autoPlay: 'disabled' },
    retriever_resource: { enabled: true },
    annotation_reply: off,
    more_like_this: off,
    user_input_form: userInputForm(app),
    sensitive_word_avoidance: off,
    file_upload: {
      image: { enabled: false, number_limits: 3, detail: 'high', transfer_methods: transferMethods },
    },
    system_parameters: {
      file_size_limit: 15,
      image_file_size_limit: 10,
      audio_file_size_limit: 50,
      video_file_size_limit: 100,
      workflow_file_upload_limit: 10,
    },
  };
  return { status: 200, json };
}

/** GET /info. 0.15 does not return the mode. */
export function getInfo({ app, emulation }: Call): HttpAnswer {
  const { name, description, mode } = app;
  const old = { name, description, tags: [] };
  return {
    status: 200,
    json: emulation.profile === '0.15' ? old : { ...old, mode, author_name: 'Dify emulator' },
  };
}

/** GET /meta. Returns the icons of the tools that an agent uses. */
export function getMeta({ app }: Call): HttpAnswer {
  const icon = { background: '#252525', content: '\ud83d\udd51' };
  const hasTools = app.mode === 'agent-chat' || app.mode === 'agent';
  return { status: 200, json: { tool_icons: hasTools ? { current_time: icon } : {} } };
}

function userInputForm(app: App): unknown[] {
  return app.form.map(({ type, variable, label = variable, required = false, maxLength, options }) => ({
    [type]: { label, variable, required, max_length: maxLength, options, default: '' },
  }));
}
