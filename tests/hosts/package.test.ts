import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

import { hostVariable } from '../support/app-process';
import { tarballVariable } from '../support/host/make-host';

const folder = path.join(process.env[hostVariable] ?? '', 'node_modules', 'strapi-plugin-character-chat');
const read = (...file: string[]) => readFileSync(path.join(folder, ...file), 'utf8');
const manifest = JSON.parse(read('package.json')) as Readonly<
  Record<string, Readonly<Record<string, string>>>
>;

describe('the packed plugin', () => {
  it('is smaller than 2 MB', () => {
    expect(readFileSync(process.env[tarballVariable] ?? '').length).toBeLessThan(2_000_000);
  });

  it('contains Swagger UI and its licences, and needs no package that reports installations', () => {
    expect(readdirSync(path.join(folder, 'dist', 'swagger-ui')).sort()).toEqual([
      'LICENSE',
      'NOTICE',
      'swagger-ui-bundle.js',
      'swagger-ui-bundle.js.LICENSE.txt',
      'swagger-ui.css',
    ]);
    expect(JSON.stringify(manifest)).not.toContain('swagger-ui-dist');
  });

  it('contains the chat page, and needs no package for it', () => {
    const page = path.join('dist', 'web');
    const script = /src="\/chat\/(assets\/[\w-]+\.js)"/u.exec(read(page, 'index.html'))?.[1] ?? '';
    expect(read(page, script)).toContain('/api/auth/refresh');
    expect(JSON.stringify(manifest)).not.toMatch(/preact|vite|dompurify|marked/u);
  });

  it('names every package that it imports in the admin panel', () => {
    const files = readdirSync(path.join(folder, 'dist', 'admin'));
    const modules = files.map((file) => read('dist', 'admin', file)).join('\n');
    const statements = /^(?:import|export) [^"]*from "([^".][^"]*)"|\bimport\("([^".][^"]*)"\)/gmu;
    const imported = [...modules.matchAll(statements)].map(
      ([, whole, lazy]) => /^(@[^/]+\/)?[^/]+/u.exec(whole ?? lazy ?? '')?.[0],
    );
    const named = Object.keys({ ...manifest['peerDependencies'], ...manifest['dependencies'] });
    expect(imported).toEqual(expect.arrayContaining(['@strapi/strapi', 'recharts']));
    expect(named).toEqual(expect.arrayContaining(imported));
  });

  it('gets React and Strapi from the project, and brings the other packages', () => {
    const peers = Object.keys(manifest['peerDependencies'] ?? {});
    expect(
      peers.filter((name) => !/^(@strapi\/|react$|react-(dom|intl|redux|router-dom)$|styled-)/u.test(name)),
    ).toEqual([]);
    expect(Object.keys(manifest['dependencies'] ?? {})).toEqual(
      expect.arrayContaining(['diff', 'react-markdown']),
    );
  });
});
