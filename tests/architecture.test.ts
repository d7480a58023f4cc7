import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const source = path.resolve(__dirname, '..', 'src');

type Graph = ReadonlyMap<string, ReadonlySet<string>>;

/** Reads the imports of all TypeScript files in `src` except `admin/`. All paths are relative to `src`. */
function readImports(): Graph {
  const all = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter(
    (file) => /\.tsx?$/u.test(file) && !file.startsWith('admin/'),
  );
  const files = new Set(all);
  return new Map(all.map((file) => [file, new Set(importsOf(file, files))]));
}

function importsOf(file: string, files: ReadonlySet<string>): string[] {
  const text = readFileSync(path.join(source, file), 'utf8');
  const found = text.matchAll(/(?:from|import\()\s*'(?<target>\.[^']*)'/gu);
  return [...found].flatMap(({ groups }) => {
    const target = path.join(path.dirname(file), groups?.['target'] ?? '');
    return [`${target}.ts`, `${target}/index.ts`].find((candidate) => files.has(candidate)) ?? [];
  });
}

/** Groups the graph by folder. A file beside subfolders stays a node, because an index imports from its subfolders. */
function toFolders(imports: Graph): Graph {
  const parents = new Set([...imports.keys()].map((file) => path.dirname(path.dirname(file))));
  const folderOf = (file: string) => (parents.has(path.dirname(file)) ? file : path.dirname(file));
  const folders = new Map<string, Set<string>>();
  for (const [file, targets] of imports) {
    const folder = folderOf(file);
    const known = folders.get(folder) ?? new Set();
    for (const target of targets) if (folderOf(target) !== folder) known.add(folderOf(target));
    folders.set(folder, known);
  }
  return folders;
}

/** Finds a cycle. @returns its nodes in order, with the first one repeated at the end; empty if no cycle exists. */
function findCircle(graph: Graph): readonly string[] {
  const done = new Set<string>();
  const follow = (name: string, way: readonly string[]): readonly string[] => {
    if (way.includes(name)) return [...way.slice(way.indexOf(name)), name];
    if (done.has(name)) return [];
    for (const target of graph.get(name) ?? []) {
      const circle = follow(target, [...way, name]);
      if (circle.length > 0) return circle;
    }
    done.add(name);
    return [];
  };
  for (const name of graph.keys()) {
    const circle = follow(name, []);
    if (circle.length > 0) return circle;
  }
  return [];
}

describe('the imports of src', () => {
  const imports = readImports();

  it('are read from the files', () => {
    expect(imports.get('index.ts')?.has('app.ts')).toBe(true);
  });

  it('form no cycle of files', () => {
    expect(findCircle(imports)).toEqual([]);
  });

  it('form no cycle of folders', () => {
    expect(findCircle(toFolders(imports))).toEqual([]);
  });

  it('are checked by a search that finds a cycle of folders without a cycle of files', () => {
    const circle = new Map([
      ['a/one.ts', new Set(['b/two.ts'])],
      ['b/two.ts', new Set<string>()],
      ['b/three.ts', new Set(['a/four.ts'])],
      ['a/four.ts', new Set<string>()],
    ]);
    expect(findCircle(circle)).toEqual([]);
    expect(findCircle(toFolders(circle))).toEqual(['a', 'b', 'a']);
  });
});

describe('the folders of src', () => {
  it('have at most 16 entries', () => {
    const counts = new Map<string, number>();
    for (const entry of readdirSync(source, { recursive: true, encoding: 'utf8' })) {
      const folder = path.dirname(entry);
      counts.set(folder, (counts.get(folder) ?? 0) + 1);
    }
    expect([...counts].filter(([, count]) => count > 16)).toEqual([]);
  });
});
