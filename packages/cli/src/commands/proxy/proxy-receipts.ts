import { readKeyFile, ReceiptFolder } from '@bulla/client/node';
import type { KeptReceipt } from '@bulla/client/node';
import type { KeyFile } from '@bulla/crypto';
import { parseAnswer, parseFin } from '@bulla/crypto';
import type { Command } from 'commander';
import type { Context } from '../../context.js';
import { NotThereError, UsageError } from '../../input/usage-error.js';

/** `bulla proxy receipts` */
export function addReceiptsCommand(proxy: Command, context: Context): void {
  proxy
    .command('receipts')
    .description('the last answers that apps got, kept as receipts: when, what was asked, and the id')
    .option('--json', 'print them as JSON')
    .addHelpText(
      'after',
      `
A response names its receipt in x-bulla-receipt-id. The files are sealed to this device; \`bulla verify ID\` opens one and
proves it. They hold the answer, and the question only with BULLA_PROXY_RECEIPTS=question.

Examples:
  $ bulla proxy receipts
  $ bulla verify rcp_0f8c2d… (32 digits, as the list shows it)`,
    )
    .action(() => listReceipts(context));
}

async function listReceipts(context: Context): Promise<void> {
  const { out } = context;
  const folder = new ReceiptFolder(context.home);
  const list = await folder.list();
  const file = list.length === 0 ? undefined : await deviceKeys(context);
  const rows = await Promise.all(
    list.map(async (receipt) => ({ ...receipt, ...(await about(folder, receipt, file)) })),
  );
  if (context.asJson)
    return out.json(
      rows.map(({ id, atMs, model, prompt }) => ({
        id,
        kept: timeOf(atMs),
        model: model ?? null,
        prompt: prompt ?? null,
      })),
    );
  if (rows.length === 0) return out.talk('bulla: no receipts are kept here');
  out.table([
    ['KEPT', 'ASKED', 'ID'],
    ...rows.map(({ id, atMs, model, prompt }) => [timeOf(atMs), prompt ?? model ?? '(does not open)', id]),
  ]);
}

interface About {
  readonly model?: string;
  /** Name and version, where a stored prompt was asked. */
  readonly prompt?: string | undefined;
}

/** What was asked; nothing of a receipt that does not open. */
async function about(folder: ReceiptFolder, { id }: KeptReceipt, file: KeyFile | undefined): Promise<About> {
  try {
    const text = file && (await folder.open(id, file));
    if (text === undefined) return {};
    const { claims } = parseFin(parseAnswer(text).evidence.fin);
    const prompt = claims.purpose === 'prompt.reply' ? `${claims.prm.name}@${claims.prm.ver}` : undefined;
    return { model: claims.model, prompt };
  } catch {
    return {};
  }
}

/**
 * The answer file of a receipt of this home folder.
 * @throws {NotThereError} if none of this id is kept; what opening throws
 */
export async function receiptBytes(context: Context, id: string): Promise<Uint8Array<ArrayBuffer>> {
  const text = await new ReceiptFolder(context.home).open(id, await deviceKeys(context));
  if (text === undefined)
    throw new NotThereError('no receipt of this id is kept here', 'list those that are with `bulla proxy receipts`');
  return new Uint8Array(Buffer.from(text));
}

async function deviceKeys({ identityFile: { home, name } }: Context): Promise<KeyFile> {
  const file = await readKeyFile(home, name);
  if (file === undefined) throw new UsageError(`there is no identity at ${home.path(name)}`);
  return file;
}

function timeOf(atMs: number): string {
  return new Date(atMs).toISOString().replace(/\.\d+Z$/, 'Z');
}
