import { characterUid } from '../shared/character-uid';

/** Every text of this folder, by its id. */
export const english = {
  'character-chat.form.prompt': 'Prompt of a character',
  'character-chat.form.prompt.description': 'A large box with a count and the variables that work.',
  'character-chat.form.prompt.hint':
    'Who the character is and how it speaks. Sent with every question. Needed to publish.',
  'character-chat.form.prompt.count': '{count, plural, one {# character} other {# characters}}',
  'character-chat.form.prompt.count-of': '{count, number} of {limit, number} characters',
  'character-chat.form.prompt.too-long':
    'The prompt is too long for the Dify app by {count, plural, one {# character} other {# characters}}.',
  'character-chat.form.prompt.insert': 'Insert {variable}',
  'character-chat.form.prompt.variables': 'Variables that work here:',
  'character-chat.form.prompt.char': 'the name of the character',
  'character-chat.form.prompt.user': 'the user',
  'character-chat.form.questions': 'List of questions',
  'character-chat.form.questions.description': 'Texts that can be added, removed and reordered.',
  'character-chat.form.questions.hint': 'Questions that users can choose at the beginning of a chat.',
  'character-chat.form.questions.add': 'Add a question',
  'character-chat.form.questions.question': 'Question {place}',
  'character-chat.form.questions.up': 'Move question {place} up',
  'character-chat.form.questions.down': 'Move question {place} down',
  'character-chat.form.questions.remove': 'Remove question {place}',
  'character-chat.form.questions.moved': 'The question is now at place {place} of {count}.',
  'character-chat.form.questions.removed': 'The question at place {place} is removed.',
} as const;

export const chinese: Readonly<Record<keyof typeof english, string>> = {
  'character-chat.form.prompt': '角色提示词',
  'character-chat.form.prompt.description': '带字数统计和可用变量的大文本框。',
  'character-chat.form.prompt.hint': '角色是谁、如何说话。每次提问都会发送。发布前必须填写。',
  'character-chat.form.prompt.count': '{count, number} 个字符',
  'character-chat.form.prompt.count-of': '{count, number} / {limit, number} 个字符',
  'character-chat.form.prompt.too-long': '提示词比 Dify 应用允许的长度多 {count, number} 个字符。',
  'character-chat.form.prompt.insert': '插入 {variable}',
  'character-chat.form.prompt.variables': '此处可用的变量：',
  'character-chat.form.prompt.char': '角色名称',
  'character-chat.form.prompt.user': '用户',
  'character-chat.form.questions': '问题列表',
  'character-chat.form.questions.description': '可以添加、删除和排序的文本。',
  'character-chat.form.questions.hint': '用户开始聊天时可以选择的问题。',
  'character-chat.form.questions.add': '添加问题',
  'character-chat.form.questions.question': '问题 {place}',
  'character-chat.form.questions.up': '上移问题 {place}',
  'character-chat.form.questions.down': '下移问题 {place}',
  'character-chat.form.questions.remove': '删除问题 {place}',
  'character-chat.form.questions.moved': '该问题现在位于第 {place} 位，共 {count} 个。',
  'character-chat.form.questions.removed': '第 {place} 个问题已删除。',
};

const label = `content-manager.content-types.${characterUid}`;

/**
 * The labels of the character's fields. Strapi saves the English ones in its database, where editors can change them
 * (`src/strapi/startup/admin-views.ts`).
 */
export const chineseLabels: Readonly<Record<string, string>> = {
  [`${label}.name`]: '名称',
  [`${label}.avatar`]: '头像',
  [`${label}.prompt`]: '提示词',
  [`${label}.introduce`]: '简介',
  [`${label}.opening_statement`]: '开场白',
  [`${label}.suggested_questions`]: '建议问题',
  [`${label}.order`]: '排序',
  [`${label}.enabled`]: '启用',
  [`${label}.upstream`]: '回答服务',
  [`${label}.upstream_app_id`]: '应用 ID',
  [`${label}.upstream_key`]: 'API 密钥',
  [`${label}.model_provider`]: '模型供应商',
  [`${label}.model`]: '模型',
  [`${label}.model_parameters`]: '模型参数',
  [`${label}.inputs`]: '输入变量',
};
