import { existsSync } from 'node:fs';
import path from 'node:path';

/** The files of Swagger UI that the page loads. */
const files: Readonly<Record<string, string>> = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
};

export interface ViewerFile {
  readonly type: string;
  /** The path of a file of Swagger UI, or the text itself. */
  readonly content: { readonly file: string } | { readonly text: string };
}

/** Returns a file of the viewer; undefined for an unknown name. */
export function findViewerFile(name: string, prefix: string): ViewerFile | undefined {
  if (name === 'start.js')
    return { type: 'text/javascript; charset=utf-8', content: { text: start(prefix) } };
  const type = Object.hasOwn(files, name) ? files[name] : undefined;
  return type === undefined ? undefined : { type, content: { file: path.join(viewerFolder(), name) } };
}

/** The build copies the files here. Only a development server, which skips that step, has the package. */
const copies = path.join(__dirname, '..', '..', '..', 'swagger-ui');

const viewerFolder = (): string =>
  existsSync(copies) ? copies : path.dirname(require.resolve('swagger-ui-dist/package.json'));

/** Returns the page. Everything comes from this server, so its content security policy needs no exception. */
export const viewerPage = (prefix: string): string => `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>Character chat: API</title>
    <link rel="icon" href="data:," />
    <link rel="stylesheet" href="${prefix}/docs/swagger-ui.css" />
    <script src="${prefix}/docs/swagger-ui-bundle.js" defer></script>
    <script src="${prefix}/docs/start.js" defer></script>
  </head>
  <body>
    <noscript>This page needs JavaScript. The document is <a href="${prefix}/openapi.json">openapi.json</a>.</noscript>
    <div id="viewer"></div>
  </body>
</html>
`;

/** Without a validator, no browser sends the address of the document to another server. */
const start = (prefix: string): string =>
  `SwaggerUIBundle({ url: '${prefix}/openapi.json', dom_id: '#viewer', deepLinking: true, validatorUrl: 'none' });\n`;
