import { parseOrigin } from '@bulla/crypto/log';
import { concatBytes, utf8 } from '@bulla/crypto';
import type { Bytes } from '@bulla/crypto';
import type { StreamedEntry } from './streamed-entry.js';

/** RFC 5424, Syslog Protocol: an entry of the audit log as a message (docs/spec/audit-stream.md). */

/** Log audit (RFC 5424 §6.2.1, table 1). */
const FACILITY = 13;
/** RFC 5424 §6.2.1, table 2: informational, warning, error. */
const SEVERITY = { ok: 6, denied: 4, error: 3 } as const;
const NILVALUE = '-';
/** RFC 5424 §6.4: before a MSG in UTF-8. */
const BOM = Uint8Array.of(0xef, 0xbb, 0xbf);

/** RFC 5424 §6: the most characters of each. */
const HOSTNAME_MAX = 255;
const APP_NAME_MAX = 48;
const MSGID_MAX = 32;

/** Reserved for examples (RFC 5612); who has a number of their own gives that. */
export const EXAMPLE_ENTERPRISE = 32_473;

export interface SyslogSender {
  /** Of the machine that sends, if it is known. */
  readonly hostname?: string | undefined;
  /** Private enterprise number of the SD-ID (RFC 5424 §7.2.2). */
  readonly enterprise: number;
}

/**
 * An entry as one message, without framing. MSG is the text of the leaf; where that is not all ASCII, behind the BOM that
 * RFC 5424 §6.4 asks for. The same entry gives the same bytes each time, so a receiver can drop what it has.
 */
export function syslogMessage(
  { origin, index, leaf, entry, misfit }: StreamedEntry,
  { hostname, enterprise }: SyslogSender,
): Bytes {
  const header = [
    `<${FACILITY * 8 + SEVERITY[entry.res]}>1`,
    entry.t,
    headerField(hostname, HOSTNAME_MAX),
    headerField(appNameOf(origin), APP_NAME_MAX),
    NILVALUE,
    headerField(entry.act, MSGID_MAX),
  ].join(' ');
  const data = structuredData(`bulla@${enterprise}`, {
    origin,
    index: String(index),
    id: entry.id,
    act: entry.act,
    result: entry.res,
    ...(misfit !== undefined && { misfit }),
  });
  const message = utf8(leaf);
  return concatBytes(utf8(`${header} ${data} `), message.length === leaf.length ? new Uint8Array() : BOM, message);
}

/** A message in its frame: `MSG-LEN SP SYSLOG-MSG` (RFC 5425 §4.3, RFC 6587 §3.4.1). */
export function octetCounted(message: Uint8Array): Bytes {
  return concatBytes(utf8(`${message.length} `), message);
}

/** A field of the header: what is not printable ASCII becomes `?`, what is too long is cut, and nothing is NILVALUE. */
export function headerField(text: string | undefined, maxLength: number): string {
  const printable = (text ?? '').replaceAll(/[^\u{21}-\u{7e}]/gu, '?').slice(0, maxLength);
  return printable === '' ? NILVALUE : printable;
}

/** One element of STRUCTURED-DATA (RFC 5424 §6.3). */
export function structuredData(id: string, params: Readonly<Record<string, string>>): string {
  const said = Object.entries(params).map(([name, value]) => ` ${name}="${escapedParam(value)}"`);
  return `[${id}${said.join('')}]`;
}

/** RFC 5424 §6.3.3: backslash before a quotation mark, a backslash and a closing bracket. */
function escapedParam(value: string): string {
  // guard: syslog-escape without: return value;
  return value.replaceAll(/["\\\]]/g, String.raw`\$&`);
}

/** `bulla-vault`, `bulla-responder-local`. */
function appNameOf(origin: string): string {
  const [, service = ''] = /:svc:(.*)$/.exec(parseOrigin(origin)?.urn ?? '') ?? [];
  return service === '' ? 'bulla' : `bulla-${service.replaceAll(':', '-')}`;
}
