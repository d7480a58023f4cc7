/** The labels of the character's fields. A test compares them with those of the admin panel. */
export const chineseLabels: Readonly<Record<string, string>> = {
  Name: '名称',
  Avatar: '头像',
  Prompt: '提示词',
  Introduction: '简介',
  'Opening line': '开场白',
  'Suggested questions': '建议问题',
  Order: '排序',
  Enabled: '启用',
  'Answered by': '回答服务',
  'App id': '应用 ID',
  'API key': 'API 密钥',
  'Model provider': '模型供应商',
  Model: '模型',
  'Model parameters': '模型参数',
  Inputs: '输入变量',
};

/**
 * The sentences of errors that an editor reads, by the English ones. `{name}` stands for any text. A sentence without an
 * entry stays in English. In the first part, the name of the field stands before the sentence.
 */
export const chineseOfFields: Readonly<Record<string, string>> = {
  'A character without a prompt cannot answer. Write one before you publish.':
    '没有提示词的角色无法回答。请先填写提示词，再发布。',
  'The Dify app takes {max} characters, and the prompt has {chars}. Shorten it, or raise the maximum length of the variable in Dify.':
    'Dify 应用最多接受 {max} 个字符，而提示词有 {chars} 个。请缩短提示词，或在 Dify 中提高该变量的最大长度。',
  'It must be a list of texts, and none of them can be empty. Fill in or remove the others.':
    '必须是文本列表，且不能有空项。请填写或删除空项。',
  "The character's API key cannot be decrypted, because ENCRYPTION_KEY has changed or the character was imported. Type the key into the character again.":
    '无法解密该角色的 API 密钥，因为 ENCRYPTION_KEY 已更改，或该角色是导入的。请重新输入密钥。',
  "The character's API key was entered for {given}, but {needed} answers for the character. Type the key for {needed2} into the character, or empty the field.":
    '该角色的 API 密钥是为 {given} 输入的，但回答服务是 {needed}。请输入 {needed2} 的密钥，或清空该字段。',
  'No model is chosen. Set OPENAI_MODEL, or type the name of a model into the character.':
    '没有选择模型。请设置 OPENAI_MODEL，或在角色中输入模型名称。',
  'The settings of this upstream are missing. Set {variable}. {alternative}.':
    '缺少该回答服务的设置。请设置 {variable}，或在角色中填写该字段。',
  'The settings of this upstream are missing. Set {variable}.': '缺少该回答服务的设置。请设置 {variable}。',
  'must be text.': '必须是文本。',
  'can be at most {max} characters long.': '最多 {max} 个字符。',
  'can be at most {max} characters of JSON.': '最多 {max} 个字符的 JSON。',
  'can be nested at most {max} levels deep.': '最多嵌套 {max} 层。',
  'must be one word of printable ASCII, because it goes into an HTTP header.':
    '必须是一个由可打印 ASCII 字符组成的词，因为它会放进 HTTP 请求头。',
  'still contains {mask}. Empty the field, then enter the key.':
    '仍含有 {mask}。请先清空该字段，再输入密钥。',
  'must be a JSON object, e.g. {example}.': '必须是 JSON 对象，例如 {example}。',
  'must be one of {kinds}, or empty.': '必须是 {kinds} 之一，或留空。',
  'must be a UUID for dify-console. Copy the part after /app/ in the address of the app in Dify.':
    '对于 dify-console 必须是 UUID。请复制 Dify 中应用地址里 /app/ 之后的部分。',
  'cannot be saved while "Answered by" is empty, because the default can change. Choose who answers, or empty this field.':
    '在「回答服务」为空时不能保存，因为默认值可能改变。请选择回答服务，或清空此字段。',
  'must be empty for dify-console, which logs in with the account of the settings.':
    '对于 dify-console 必须留空，它使用设置中的账号登录。',
  'was entered for {given}. Enter the key for {needed}, or empty the field.':
    '是为 {given} 输入的。请输入 {needed} 的密钥，或清空该字段。',
  'has values that no model takes. Change these: {names}.': '含有任何模型都不接受的值。请修改：{names}。',
};

export const chineseSentences: Readonly<Record<string, string>> = {
  'The server cannot encrypt an API key without ENCRYPTION_KEY. Set ENCRYPTION_KEY, e.g. with "npm run secrets", and restart the server.':
    '没有 ENCRYPTION_KEY，服务器无法加密 API 密钥。请设置 ENCRYPTION_KEY（例如运行 "npm run secrets"），然后重启服务器。',
  'Your role may not read the prompt of this character.': '您的角色无权查看该角色的提示词。',
  'Your role may not change this character.': '您的角色无权修改该角色。',
  'Your role may not change the fields that differ.': '您的角色无权修改有差异的字段。',
  'Your role may not create characters with a prompt.': '您的角色无权创建带提示词的角色。',
  'There is no such character.': '没有这个角色。',
  'The character has no such version.': '该角色没有这个版本。',
  'The character is not published.': '该角色尚未发布。',
  'The character has no prompt. Write one, and save it.': '该角色没有提示词。请填写并保存。',
  'Too many answers at the same time. Stop one, then try again.':
    '同时进行的回答过多。请停止其中一个，然后重试。',
  'This conversation does not exist.': '该对话不存在。',
  'The picture has no character card. Some programs remove it when they save a picture.':
    '图片中没有角色卡。有些程序在保存图片时会删除它。',
  'The file is no character card of V1, V2 or V3.': '该文件不是 V1、V2 或 V3 角色卡。',
  'The card is nested too deeply.': '角色卡嵌套过深。',
  'The card has no name.': '角色卡没有名称。',
  'The file is neither a PNG picture nor JSON.': '该文件既不是 PNG 图片，也不是 JSON。',
  'The picture is not a whole PNG. Save it again, or send the card as JSON.':
    '该图片不是完整的 PNG。请重新保存，或以 JSON 形式发送角色卡。',
  'The picture has more than {millions} million pixels. Make it smaller.':
    '图片超过 {millions} 百万像素。请缩小图片。',
  'The card is larger than {bytes} bytes. Make its picture smaller.': '角色卡大于 {bytes} 字节。请缩小图片。',
  'The picture cannot be read. Export the card as JSON.': '无法读取图片。请将角色卡导出为 JSON。',
};
