import { Page } from '@strapi/strapi/admin';
import { Route, Routes } from 'react-router-dom';

import { ConversationList } from './ConversationList';
import { mayReadChats } from './rights';
import { Transcript } from './Transcript';
import { useText } from './use-text';

/** The address holds the filters and the open conversation, so that a reload shows the same. */
export default function ConversationsPage() {
  const text = useText();
  return (
    <Page.Protect permissions={mayReadChats}>
      <Page.Title>{text('character-chat.conversations.title')}</Page.Title>
      <Routes>
        <Route index element={<ConversationList />} />
        <Route path=":sessionId" element={<Transcript />} />
      </Routes>
    </Page.Protect>
  );
}
