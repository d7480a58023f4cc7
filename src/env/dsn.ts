/** The address of a database, in the form that its driver needs. */
export type DatabaseAddress =
  | { readonly kind: 'sqlite'; readonly filename: string }
  | { readonly kind: 'postgres'; readonly connectionString: string }
  | MysqlAddress;

export interface MysqlAddress {
  readonly kind: 'mysql';
  readonly user: string;
  readonly password: string;
  readonly database: string;
  readonly at: { readonly host: string; readonly port: number } | { readonly socketPath: string };
  readonly tls: 'off' | 'checked' | 'unchecked';
}

/** The problem of an address. The message follows the name of the variable and never quotes the address. */
export class DsnError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'DsnError';
  }
}

const forms =
  'must be postgres://user:password@host:5432/name, user:password@tcp(host:3306)/name, ' +
  'mysql://user:password@host:3306/name, or the path of a SQLite file, as in ./history.db or file:history.db';

/**
 * Parses the address of a database. All addresses are parsed here.
 * @param text a URL, a MySQL address in Go's form, or the path of a file.
 * @throws DsnError
 */
export function parseDsn(text: string): DatabaseAddress {
  if (/^postgres(ql)?:\/\//iu.test(text)) return parsePostgresUrl(text);
  if (/^mysql:\/\//iu.test(text)) return parseMysqlUrl(text);
  const go = goStyle.exec(text);
  if (go !== null) return parseGoStyle(go);
  const file = sqliteFile.exec(text);
  if (file?.groups?.['path'] !== undefined) return { kind: 'sqlite', filename: file.groups['path'] };
  throw new DsnError(forms);
}

function parsePostgresUrl(text: string): DatabaseAddress {
  const url = parseUrl(text);
  databaseOf(url);
  return { kind: 'postgres', connectionString: text };
}

function parseMysqlUrl(text: string): DatabaseAddress {
  const url = parseUrl(text);
  return {
    kind: 'mysql',
    user: decoded(url.username),
    password: decoded(url.password),
    database: databaseOf(url),
    at: { host: hostOf(decoded(url.hostname)), port: url.port === '' ? 3306 : Number(url.port) },
    tls: tlsOf(url.searchParams),
  };
}

function parseUrl(text: string): URL {
  if (!URL.canParse(text)) {
    throw new DsnError(
      'is not a valid URL. Characters such as @ : / # ? and % of a password must be written as %40 and so on',
    );
  }
  const url = new URL(text);
  if (url.hash !== '') throw new DsnError('has a #; in a password it must be written as %23');
  return url;
}

function databaseOf(url: URL): string {
  const name = decoded(url.pathname.slice(1));
  if (name === '' || name.includes('/')) throw new DsnError('must name one database, as in …@host/name');
  return name;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new DsnError('has a % that is no valid escape; in a password it must be written as %25');
  }
}

/**
 * Matches `user:password@tcp(host:port)/name?params`.
 * The password may contain any character. It ends at the last `@tcp(` or `@unix(`, because the match is greedy.
 */
const goStyle =
  /^(?:(?<login>.*)@)?(?<net>tcp|tcp6|tcp4|unix)(?:\((?<address>[^()]*)\))?\/(?<name>[^/?]*)(?:\?(?<params>.*))?$/su;

function parseGoStyle({ groups = {} }: RegExpExecArray): DatabaseAddress {
  const { login = '', net, address = '', name = '', params = '' } = groups;
  if (name === '') throw new DsnError('must name a database, as in user:password@tcp(host:3306)/name');
  const colon = login.indexOf(':');
  return {
    kind: 'mysql',
    user: colon === -1 ? login : login.slice(0, colon),
    password: colon === -1 ? '' : login.slice(colon + 1),
    database: decoded(name),
    at:
      net === 'unix' ? { socketPath: address === '' ? '/tmp/mysql.sock' : address } : toHostAndPort(address),
    tls: tlsOf(new URLSearchParams(params)),
  };
}

function toHostAndPort(address: string): { host: string; port: number } {
  const match = /^(?<host>\[[^\]]*\]|[^:]*)(?::(?<port>\d{1,5}))?$/u.exec(address);
  const port = Number(match?.groups?.['port'] ?? 3306);
  if (match === null || port < 1 || port > 65_535)
    throw new DsnError('must give host and port as in tcp(host:3306), or tcp([::1]:3306)');
  return { host: hostOf(match.groups?.['host'] ?? ''), port };
}

function hostOf(text: string): string {
  return text.replace(/^\[(.*)\]$/u, '$1') || '127.0.0.1';
}

/** Reads the only parameter of Go's form that has an effect here. The code sets `charset`, `parseTime` etc. itself. */
function tlsOf(params: URLSearchParams): MysqlAddress['tls'] {
  const tls = (params.get('tls') ?? params.get('ssl') ?? 'false').toLowerCase();
  if (['false', '0', 'preferred'].includes(tls)) return 'off';
  if (['true', '1'].includes(tls)) return 'checked';
  if (tls === 'skip-verify') return 'unchecked';
  throw new DsnError('can have tls=true, tls=skip-verify or tls=false');
}

/**
 * Matches the path of an SQLite file. It needs a scheme or a known file extension.
 * Otherwise, a mistyped server address would become a file with a strange name.
 */
const sqliteFile =
  /^(?:(?:file|sqlite3?):(?:\/\/)?|(?=[^@()?]+\.(?:db|sqlite3?)(?:\?|$)))(?<path>(?!\w{2,}:)[^?]+)(?:\?.*)?$/iu;
