/** Every text of this folder, by its id. */
export const english = {
  'character-chat.cards.import': 'Import cards',
  'character-chat.cards.import.title': 'Import character cards',
  'character-chat.cards.import.hint':
    'Drop PNG or JSON files here, or choose them. Each becomes a draft, and nobody sees it before you publish it.',
  'character-chat.cards.import.choose': 'Choose files',
  'character-chat.cards.import.close': 'Close',
  'character-chat.cards.import.running': 'Importing …',
  'character-chat.cards.import.done': '“{name}” is a draft now.',
  'character-chat.cards.import.unused': 'Kept for an export, but not used: {parts}.',
  'character-chat.cards.import.failed': 'The import failed. Try again.',
  'character-chat.cards.export.png': 'Export card (PNG)',
  'character-chat.cards.export.json': 'Export card (JSON)',
  'character-chat.cards.export.failed': 'The card cannot be exported. Try again.',
} as const;

export const chinese: Readonly<Record<keyof typeof english, string>> = {
  'character-chat.cards.import': '导入角色卡',
  'character-chat.cards.import.title': '导入角色卡',
  'character-chat.cards.import.hint':
    '把 PNG 或 JSON 文件拖到这里，或选择文件。每个文件生成一个草稿，发布之前没有人看到它。',
  'character-chat.cards.import.choose': '选择文件',
  'character-chat.cards.import.close': '关闭',
  'character-chat.cards.import.running': '正在导入……',
  'character-chat.cards.import.done': '“{name}”已导入为草稿。',
  'character-chat.cards.import.unused': '已保留供导出，但不会使用：{parts}。',
  'character-chat.cards.import.failed': '导入失败，请重试。',
  'character-chat.cards.export.png': '导出角色卡（PNG）',
  'character-chat.cards.export.json': '导出角色卡（JSON）',
  'character-chat.cards.export.failed': '无法导出角色卡，请重试。',
};
