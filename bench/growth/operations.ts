import { filledId, filledIndex, filledName, RARE_LABEL } from '../../services/vault/test/filling.js';
import { envelopeRequests, type Maker, readRequests } from '../requests.js';
import type { SizedVault } from './sized-vault.js';

/** What is asked of a vault of each size. */
export interface Operation {
  readonly name: string;
  readonly make: (vault: SizedVault) => Maker;
}

const reading = (name: string, pathOf: (vault: SizedVault) => string): Operation => ({
  name,
  make: (vault) => readRequests(vault.service.url, vault.recipient.member, () => pathOf(vault)),
});

const auditing = (name: string, filterOf: (vault: SizedVault) => string): Operation => ({
  name,
  make: (vault) =>
    readRequests(
      vault.service.url,
      vault.ground.organisation.owner,
      () => `/api/v1/audit/entries?${PAGE}${filterOf(vault)}`,
    ),
});

const DAY_MS = 86_400_000;
/** Over about so long the entries of the audit log are spread. */
const FILLED_MS = 350 * DAY_MS;

/** Every page is full at every size from a thousand on. */
const PAGE = 'limit=20';

/** Each reads or writes of another place every time, so that no page of the database is the one that was just read. */
export const OPERATIONS: readonly Operation[] = [
  reading('list: first page', () => `/api/v1/prompts?${PAGE}`),
  reading('list: a page from anywhere', ({ size }) => `/api/v1/prompts?${PAGE}&cursor=${cursorAt(anyOf(size * 0.9))}`),
  reading('list: a prefix', ({ size }) => `/api/v1/prompts?${PAGE}&prefix=${filledName(anyOf(size)).slice(0, -1)}`),
  reading('list: a label that few bear', () => `/api/v1/prompts?${PAGE}&label=${RARE_LABEL}`),
  reading('list: deleted', () => `/api/v1/prompts?${PAGE}&status=deleted`),
  reading('find: by name', ({ size }) => `/api/v1/prompts/by-name?name=${encodeURIComponent(filledName(anyOf(size)))}`),
  reading('labels of a prompt', ({ ground }) => `/api/v1/prompts/${ground.prompt.id}/labels`),
  reading('grants of a prompt', ({ size }) => `/api/v1/prompts/${filledId(anyOf(size))}/grants`),
  reading('grants of a key', ({ recipient }) => `/api/v1/grants?${PAGE}&kid=${recipient.kid}`),
  { name: 'issue an envelope', make: ({ service, ground }) => envelopeRequests(service.url, ground) },
  auditing('audit: newest page', () => ''),
  auditing('audit: a page from anywhere', ({ size }) => `&from=${filledIndex(anyOf(size * 0.9))}`),
  auditing('audit: of an actor', ({ recipient }) => `&actor=${recipient.kid}`),
  auditing('audit: of an act', () => '&act=prompt.delete'),
  auditing('audit: of an object', ({ size }) => `&object=${filledId(anyOf(size))}`),
  auditing('audit: refusals', () => '&result=denied'),
  auditing('audit: of a time with some thirty entries', ({ size }) => `&${stretch(size)}`),
];

/** The number of a prompt that is there: one in fifty is deleted. */
function anyOf(size: number): number {
  const n = 1 + Math.floor(Math.random() * size);
  return n % 50 === 1 ? n + 1 : n;
}

/** A time of the last ten months in which thirty entries were written, however many there are: the page is full. */
function stretch(size: number): string {
  const lengthMs = (30 * FILLED_MS) / size;
  const since = Date.now() - lengthMs - Math.random() * 300 * DAY_MS;
  const at = (ms: number) => encodeURIComponent(new Date(ms).toISOString());
  return `since=${at(since)}&until=${at(since + lengthMs)}`;
}

/** As the vault writes the place after a prompt. */
function cursorAt(n: number): string {
  return Buffer.from(JSON.stringify([filledName(n), filledId(n)])).toString('base64url');
}
