import type { Permission } from '@strapi/strapi/admin';

const right = (action: string): Permission[] => [{ action, subject: null } as Permission];

export const mayReadChats = right('api::chats.read');
export const mayReadAudit = right('api::chat-audit.read');
