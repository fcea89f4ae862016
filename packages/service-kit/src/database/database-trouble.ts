import { userInfo } from 'node:os';
import { databaseFault } from './database-fault.js';

/** Why a database cannot be used, in words for the person who named it. Who asks it is said, never with which password. */
export class DatabaseTrouble extends Error {
  override readonly name = 'DatabaseTrouble';
  /** What the process ends with. */
  readonly exitCode = 1;
  /** What mends it. */
  readonly hint: string;
  /** As {@link databaseFault} has it. */
  readonly code: string;

  constructor(message: string, { hint, code }: { readonly hint: string; readonly code: string }) {
    super(message);
    this.hint = hint;
    this.code = code;
  }
}

/** Who asks which database where, as an address names them. */
interface Place {
  /** `host:port` */
  readonly server: string;
  readonly host: string;
  readonly database: string;
  readonly role: string;
}

const SETTING = 'BULLA_DATABASE_URL';
const PORT = '5432';
/** What pg says without a code; the version is pinned and a test holds them. */
const NO_PASSWORD = 'SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a';
const NO_TLS = 'The server does not support SSL connections';

type Words = (place: Place) => readonly [what: string, hint: string];

const absent: Words = ({ server }) => [
  `no PostgreSQL listens at ${server}`,
  `start it there, or mend host and port in ${SETTING}`,
];
const silent: Words = ({ server }) => [
  `the PostgreSQL server at ${server} does not answer`,
  `see that it runs and that this machine may reach it, or mend host and port in ${SETTING}`,
];
const nowhere: Words = ({ host }) => [`there is no machine called ${host}`, `mend the host in ${SETTING}`];

/** By code: what is wrong, and what mends it. */
const WORDS: Readonly<Record<string, Words>> = {
  '3D000': ({ server, database, role }) => [
    `the PostgreSQL server at ${server} has no database ${database}`,
    `make it: create database ${quoted(database)} owner ${quoted(role)}; or mend its name in ${SETTING}`,
  ],
  '28P01': ({ server, role }) => [
    `the PostgreSQL server at ${server} does not let the role ${role} in: its password is another, or there is no such role`,
    `mend the password in ${SETTING}, or make the role: create role ${quoted(role)} login password '…'`,
  ],
  '28000': ({ server, database, role }) => [
    `the PostgreSQL server at ${server} has no role ${role}, or does not let it into the database ${database} from here`,
    `make it: create role ${quoted(role)} login; if it is there, its pg_hba.conf has to let it in; or mend ${SETTING}`,
  ],
  '42501': ({ server, database, role }) => [
    `the role ${role} may not make tables in the database ${database} at ${server}`,
    `let it: grant create on database ${quoted(database)} to ${quoted(role)}`,
  ],
  '53300': ({ server }) => [
    `the PostgreSQL server at ${server} has no connection left`,
    'lower BULLA_DATABASE_POOL, or raise max_connections there',
  ],
  '55P03': ({ server, database }) => [
    `somebody else holds the tables of the database ${database} at ${server}`,
    'another process may be bringing them up to date: start again when it is done',
  ],
  '57P03': ({ server }) => [`the PostgreSQL server at ${server} is starting or stopping`, 'start again in a moment'],
  '25006': ({ server, database }) => [
    `the database ${database} at ${server} cannot be written: it is a standby, or set to read only`,
    `name the primary in ${SETTING}`,
  ],
  ECONNREFUSED: absent,
  ENOTFOUND: nowhere,
  EAI_AGAIN: nowhere,
  ETIMEDOUT: silent,
  EHOSTUNREACH: silent,
  ENETUNREACH: silent,
  ECONNRESET: silent,
  EPIPE: silent,
  connection_lost: silent,
  no_password: ({ server, role }) => [
    `the PostgreSQL server at ${server} wants a password of the role ${role}, and ${SETTING} has none`,
    `put it there; better, put the whole URL into a file and its path into ${SETTING}_FILE`,
  ],
  no_tls: ({ server }) => [
    `the PostgreSQL server at ${server} speaks no TLS, and ${SETTING} asks for it`,
    `take sslmode out of ${SETTING}, or let the server have a certificate`,
  ],
};

/**
 * What an error of a server's database means for the operator who named it.
 * @param url as it was set.
 * @returns undefined where the error did not come from a database
 */
export function databaseTrouble(error: unknown, url: string): DatabaseTrouble | undefined {
  const code = codeOf(error);
  if (code === undefined) return undefined;
  const place = placeOf(url);
  const [what, hint] = WORDS[code]?.(place) ?? [
    `the database ${place.database} at ${place.server} cannot be used (${code})`,
    'the log of the PostgreSQL server says more',
  ];
  return new DatabaseTrouble(what, { hint, code });
}

/** Which database an address names, for people: host, port and database, without who asks it. */
export function databasePlace(url: string): string {
  const { server, database } = placeOf(url);
  return `${server}/${database}`;
}

function codeOf(error: unknown): string | undefined {
  const { message } = Object(error) as { message?: unknown };
  if (typeof message === 'string' && message.startsWith(NO_PASSWORD)) return 'no_password';
  if (message === NO_TLS) return 'no_tls';
  return databaseFault(error)?.code;
}

function placeOf(text: string): Place {
  const url = new URL(text);
  const role = shown(url.username) || ownName();
  const host = shown(url.hostname) || shown(url.searchParams.get('host') ?? '') || 'localhost';
  return {
    server: `${host}:${url.port || PORT}`,
    host,
    database: shown(url.pathname.slice(1)) || role,
    role,
  };
}

/** Who asks where an address does not say it. */
function ownName(): string {
  try {
    return userInfo().username;
  } catch {
    // An account without a name, as in a container.
    return 'postgres';
  }
}

/** As it was meant, where every character of it shows; else as it stands in the address. */
function shown(part: string): string {
  try {
    const meant = decodeURIComponent(part);
    return /^[\x21-\x7e]+$/.test(meant) ? meant : part;
  } catch {
    return part;
  }
}

/** As SQL names it. */
function quoted(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}
