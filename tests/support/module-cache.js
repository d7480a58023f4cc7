'use strict';

/**
 * Loads the modules of the application from a cache of compiled code. `startTemplate` fills it once per test run, which
 * makes each later start a quarter cheaper. Node 22 brings such a cache: delete this file when Node 20 is not supported.
 *
 * A process loads this by `--require` before the application. The cache belongs to one run, so that it is never stale.
 */
const { readFileSync, writeFileSync } = require('node:fs');
const Module = require('node:module');
const path = require('node:path');
const v8 = require('node:v8');
const vm = require('node:vm');

const file = process.env['TEST_MODULE_CACHE'];
if (typeof Module.enableCompileCache === 'function') Module.enableCompileCache(`${file}.d`);
else useCache(read());

/** Returns the cache, or null if this is the first process of the run. */
function read() {
  try {
    return v8.deserialize(readFileSync(file));
  } catch (error) {
    if (error.code === 'ENOENT') return null;
    throw error;
  }
}

function useCache(cache) {
  const paths = cache?.paths ?? new Map();
  const scripts = new Map();
  cachePaths(paths);
  cacheCode((filename, source) => {
    const script = compile(filename, source, cache?.code.get(filename));
    if (cache === null) scripts.set(filename, script);
    return script;
  });
  // Not on 'exit', because Strapi removes all listeners before the process ends.
  if (cache === null) process.once('SIGTERM', () => write(paths, scripts));
}

function write(paths, scripts) {
  const code = new Map([...scripts].map(([filename, script]) => [filename, script.createCachedData()]));
  writeFileSync(file, v8.serialize({ paths, code }));
}

/** Caches which file a request of a folder means. */
function cachePaths(paths) {
  const resolve = Module._resolveFilename;
  Module._resolveFilename = function resolveOnce(request, parent, isMain, options) {
    if (options !== undefined || parent?.path === undefined) return resolve(request, parent, isMain, options);
    const key = `${parent.path}\0${request}`;
    const filename = paths.get(key) ?? resolve(request, parent, isMain);
    paths.set(key, filename);
    return filename;
  };
}

/** Runs CommonJS modules as Node does, but compiles them by `toScript`. */
function cacheCode(toScript) {
  const compileByNode = Module.prototype._compile;
  Module.prototype._compile = function compileOnce(source, filename) {
    // Node runs the main module, and the few ES modules that the application requires.
    if (this.id === '.' || filename.endsWith('.mjs')) return compileByNode.call(this, source, filename);
    const run = toScript(filename, source).runInThisContext();
    return run.call(this.exports, this.exports, toRequire(this), this, filename, path.dirname(filename));
  };
}

function compile(filename, source, cachedData) {
  return new vm.Script(Module.wrap(source), {
    filename,
    cachedData,
    importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  });
}

function toRequire(module) {
  const require = (request) => module.require(request);
  require.resolve = (request, options) => Module._resolveFilename(request, module, false, options);
  require.resolve.paths = (request) => Module._resolveLookupPaths(request, module);
  require.main = process.mainModule;
  require.extensions = Module._extensions;
  require.cache = Module._cache;
  return require;
}
