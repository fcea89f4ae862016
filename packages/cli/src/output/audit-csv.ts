import type { ListedEntry } from '@bulla/client';

const COLUMNS = [
  'service',
  'log',
  'index',
  'at',
  'id',
  'time',
  'act',
  'result',
  'why',
  'actor_type',
  'actor_key',
  'request',
  'facts',
];

/** The line that names the columns (RFC 4180). */
export const CSV_HEAD = `${COLUMNS.join(',')}\r\n`;

/** An entry as a line of CSV (RFC 4180); `facts` is JSON. */
export function csvLine({ service, log, index, at, leaf, entry }: ListedEntry): string {
  if (entry === undefined) return lineOf([service, log, index, at, '', '', '', '', '', '', '', '', leaf]);
  const { id, t, act, res, rid = '', obj } = entry;
  const who = 'who' in entry ? entry.who : { type: 'strangers' };
  const [why, key] = ['why' in entry ? entry.why : '', 'kid' in who ? who.kid : ''];
  return lineOf([service, log, index, at, id, t, act, res, why, who.type, key, noFormula(rid), JSON.stringify(obj)]);
}

/** The caller chooses the id of a request: one that a spreadsheet would take for a formula begins with a space. */
function noFormula(text: string): string {
  return text.replace(/^(?=[=+\-@])/, ' ');
}

function lineOf(cells: readonly (string | number)[]): string {
  return `${cells.map((cell) => `"${String(cell).replaceAll('"', '""')}"`).join(',')}\r\n`;
}
