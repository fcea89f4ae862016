import type { ExportedLog, ListedEntry } from '@bulla/client';
import { AuditFolder } from '@bulla/client/node';
import { utf8 } from '@bulla/crypto';
import type { Command } from 'commander';
import type { Context } from '../../context.js';
import { writeNewPieces } from '../../input/file-streams.js';
import { UsageError } from '../../input/usage-error.js';
import { csvLine, CSV_HEAD } from '../../output/audit-csv.js';
import { groupedCount } from '../../output/audit-verdict.js';
import { entryAsJson } from '../../output/audit-words.js';
import { counted, styled } from '../../output/output.js';

const FORMATS = ['bundle', 'ndjson', 'csv'] as const;
type Format = (typeof FORMATS)[number];

interface ExportOptions {
  readonly format: string;
  readonly out: string;
  readonly json?: boolean;
}

/** `bulla audit export` */
export function addExportCommand(audit: Command, context: Context): void {
  audit
    .command('export')
    .description('copy every log: as a folder that anyone can verify, or as lines for other programs')
    .option('--format <format>', `${FORMATS.join(', ')} (default: bundle)`, 'bundle')
    .requiredOption('--out <path>', 'the folder of a bundle, or the file to write')
    .option('--json', 'print what was written as JSON')
    .addHelpText(
      'after',
      `
A bundle is a folder: the signed documents of the organisation, and each log in the layout of C2SP tlog-tiles, which
other programs read too. \`bulla audit verify FOLDER\` proves it anywhere, with the pin alone. An export that was cut, or a
folder of last month, is brought up to date by the same command: what is there is not fetched again.
ndjson and csv have every entry, oldest first, and prove nothing.

Examples:
  $ bulla audit export --out audit-2026-11
  $ bulla audit export --format csv --out audit.csv
  $ bulla audit export --format ndjson --out audit.ndjson`,
    )
    .action((options: ExportOptions) => exportLogs(context, options));
}

async function exportLogs(context: Context, { format, out: path, json }: ExportOptions): Promise<void> {
  const kind = FORMATS.find((one) => one === format);
  if (kind === undefined) throw new UsageError(`--format: expected one of ${FORMATS.join(', ')}`);
  if (kind === 'bundle') await exportBundle(context, path, json === true);
  else await exportLines(context, kind, path);
}

async function exportBundle(context: Context, path: string, asJson: boolean): Promise<void> {
  const { out } = context;
  const bulla = await context.connect();
  let said = 'exporting the logs';
  const work = bulla.audit.export(new AuditFolder(path), ({ origin, entries, size }) => {
    said = `exporting ${origin}: ${groupedCount(entries)} of ${groupedCount(size)} entries`;
  });
  const { logs, unreached } = await out.during(() => said, work);
  if (asJson) out.json({ path, logs, unreached: unreached.map(({ service }) => service) });
  else showExported(context, path, logs);
  for (const { service, error } of unreached) {
    if (!asJson) out.talk(`– ${service}: not copied`);
    throw error;
  }
}

function showExported({ out }: Context, path: string, logs: readonly ExportedLog[]): void {
  for (const { origin, size, written } of logs)
    out.line(styled('✔', 'good'), ` ${origin}  ${groupedCount(size)} entries, ${counted(written, 'new file')}`);
  if (logs.length === 0) return out.talk('no service has signed a log yet');
  out.talk(`prove it:  bulla audit verify ${path}        elsewhere, with the pin:  bulla audit verify ${path} --pin …`);
}

async function exportLines(context: Context, format: Exclude<Format, 'bundle'>, path: string): Promise<void> {
  const { out, io } = context;
  const bulla = await context.connect();
  let count = 0;
  const services = await bulla.audit.services();
  const entries = bulla.audit.list({ services, order: 'oldest-first' });
  const lines = linesOf(entries, format, () => count++);
  await out.during(
    () => `exporting: ${groupedCount(count)} entries`,
    writeNewPieces(path, lines, { mode: 0o600, signal: io.signal }),
  );
  context.result({ path, format, entries: count }, styled('✔', 'good'), ` ${path}  ${groupedCount(count)} entries`);
}

async function* linesOf(
  entries: AsyncIterable<ListedEntry>,
  format: Exclude<Format, 'bundle'>,
  told: () => void,
): AsyncGenerator<Uint8Array> {
  if (format === 'csv') yield utf8(CSV_HEAD);
  for await (const entry of entries) {
    told();
    yield utf8(format === 'csv' ? csvLine(entry) : `${JSON.stringify(entryAsJson(entry))}\n`);
  }
}
