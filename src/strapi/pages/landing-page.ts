import { readFileSync } from 'node:fs';

import type { Core } from '@strapi/strapi';
import type { Context, Middleware } from 'koa';

import type { LandingPage } from '../../env/landing-page';
import { chatPagePath } from './chat-page';
import { setPageSecurity } from './page-security';

export interface LandingPageOptions {
  readonly landingPage: LandingPage;
  /** Whether the server has the chat page. */
  readonly hasChatPage: boolean;
}

/** Creates the middleware for `/`. By itself, Strapi redirects to the admin panel. */
export function createLandingPage(strapi: Core.Strapi, options: LandingPageOptions): Middleware {
  const { landingPage } = options;
  const answer = createAnswer(strapi, options);
  const isOn = landingPage.kind !== 'off';

  return function answerRoot(ctx, next): unknown {
    if (ctx.path !== '/' || (ctx.method !== 'GET' && ctx.method !== 'HEAD')) return next();
    if (isOn) answer(ctx);
    // Without a body, the reply is the 404 of an unknown path.
    return undefined;
  };
}

function createAnswer(
  strapi: Core.Strapi,
  { landingPage, hasChatPage }: LandingPageOptions,
): (ctx: Context) => void {
  if (landingPage.kind === 'address') return (ctx) => ctx.redirect(landingPage.address);
  if (landingPage.kind === 'file') {
    // A file that the server cannot read stops the start.
    const html = readFileSync(landingPage.file, 'utf8');
    return (ctx) => send(ctx, html);
  }
  const hasPanel = strapi.config.get<boolean>('admin.serveAdminPanel', true);
  const links = [
    ...(hasChatPage ? (['chat'] as const) : []),
    ...(hasPanel ? (['panel'] as const) : []),
    'docs' as const,
  ];
  const addresses = {
    chat: chatPagePath,
    panel: strapi.config.get('admin.path', '/admin'),
    docs: '/api/docs',
  };
  return (ctx) => {
    setPageSecurity(ctx);
    ctx.vary('Accept-Language');
    send(ctx, toHtml(languageOf(ctx), links, addresses));
  };
}

function send(ctx: Context, html: string): void {
  ctx.set('Cache-Control', 'no-cache');
  ctx.type = 'text/html; charset=utf-8';
  ctx.body = html;
}

const texts = {
  en: {
    code: 'en',
    title: 'Character chat',
    slogan: 'Talk to somebody who is not there.',
    chat: ['Open the chat', 'Sign in and talk to the characters.'],
    panel: ['Admin panel', 'Write characters, read usage.'],
    docs: ['API', 'All calls, fields and errors.'],
    other: '中文',
    otherQuery: '?lang=zh',
  },
  zh: {
    code: 'zh-Hans',
    title: '角色聊天',
    slogan: '和一位不在场的人聊聊。',
    chat: ['开始聊天', '登录，和角色对话。'],
    panel: ['管理后台', '编写角色，查看用量。'],
    docs: ['接口文档', '全部接口、字段和错误码。'],
    other: 'English',
    otherQuery: '?lang=en',
  },
} as const;

type Link = 'chat' | 'panel' | 'docs';

/** Returns the language of the address, or else that of the browser. */
function languageOf(ctx: Context): keyof typeof texts {
  const chosen = ctx.query['lang'];
  if (chosen === 'en' || chosen === 'zh') return chosen;
  return ctx.acceptsLanguages('en', 'zh') === 'zh' ? 'zh' : 'en';
}

function toHtml(
  language: keyof typeof texts,
  links: readonly Link[],
  addresses: Readonly<Record<Link, string>>,
): string {
  const text = texts[language];
  const cards = links.map((link) => {
    const [name, what] = text[link];
    return `        <li><a class="${link}" href="${addresses[link]}"><b>${name}</b><span>${what}</span></a></li>`;
  });
  return `<!doctype html>
<html lang="${text.code}">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="color-scheme" content="light dark" />
    <title>${text.title}</title>
    <link rel="icon" href="/favicon.ico" />
    <link rel="stylesheet" href="/landing.css" />
  </head>
  <body>
    <header><a href="${text.otherQuery}" hreflang="${text.other === '中文' ? 'zh-Hans' : 'en'}">${text.other}</a></header>
    <main>
      <h1>${text.title}</h1>
      <p>${text.slogan}</p>
      <ul>
${cards.join('\n')}
      </ul>
    </main>
  </body>
</html>
`;
}
