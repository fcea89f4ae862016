import { readKeyFile, ReceiptFolder, ReceiptKeeper, receiptKeysOf } from '@bulla/client/node';
import type { ReceiptEvent } from '@bulla/client/node';
import type { ProxySettings } from '../commands/proxy/proxy-settings.js';
import type { Context } from '../context.js';
import { UsageError } from '../input/usage-error.js';
import { styled } from '../output/output.js';

/** Where answers of this device are kept, sealed to it; undefined where they are not. @throws {UsageError} */
export async function openReceipts(
  context: Context,
  setting: ProxySettings['receipts'],
): Promise<ReceiptKeeper | undefined> {
  if (setting === 'off') return undefined;
  const { home, name } = context.identityFile;
  const file = await readKeyFile(home, name);
  if (file === undefined) throw new UsageError(`there is no identity at ${home.path(name)}`);
  const folder = new ReceiptFolder(context.home);
  const notice = (event: ReceiptEvent) => context.out.talk('bulla: ', styled('note:', 'strong'), ` ${wordsOf(event)}`);
  return new ReceiptKeeper({ folder, keys: await receiptKeysOf(file), showQuestion: setting === 'question', notice });
}

function wordsOf(event: ReceiptEvent): string {
  if (event.event === 'kept-again') return 'receipts are kept again';
  return `receipts are not kept: ${event.why}; answers arrive all the same, without a receipt id`;
}
