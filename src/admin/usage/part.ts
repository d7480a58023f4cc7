import { ChartPie } from '@strapi/icons';

import type { AdminPart } from '../shared/part';
import { chinese, english, type TextId } from './translations';

/** The right of the server. Without it, Strapi shows neither the link nor the widget. */
const permissions = [{ action: 'api::chat-usage.read', subject: null }];
const to = 'character-chat-usage';

const label = (id: TextId) => ({ id, defaultMessage: english[id] });

/** A page with the usage of characters, and a widget on the home page. The charts load with them. */
export const usage: AdminPart = {
  english,
  chinese,
  register(app) {
    app.addMenuLink({
      to,
      icon: ChartPie,
      intlLabel: label('character-chat.usage.title'),
      permissions: permissions as never,
      Component: () => import('./UsagePage'),
    });
    app.widgets.register({
      id: to,
      icon: ChartPie,
      title: label('character-chat.usage.widget'),
      link: { label: label('character-chat.usage.widget.link'), href: `/${to}` },
      permissions,
      component: async () => (await import('./UsageWidget')).UsageWidget,
    });
  },
};
