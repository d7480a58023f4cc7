import type { ChatSessionService } from '../src/api/chat-session/services/chat-session';
import type { ConversationService } from '../src/api/conversation/services/conversation';
import type createHistoryService from '../src/api/history/services/history';

/** Gives `strapi.service(…)` the types of the services of this project. Strapi declares one type for all services. */
declare module '@strapi/types/dist/core/strapi.d.ts' {
  interface Strapi {
    service(uid: 'api::chat-session.chat-session'): ChatSessionService;
    service(uid: 'api::conversation.conversation'): ConversationService;
    service(uid: 'api::history.history'): ReturnType<typeof createHistoryService>;
  }
}
