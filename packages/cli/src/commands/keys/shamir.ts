import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fingerprint, randomBytes, Secret, SHARES_MAX, SHARES_MIN, utf8 } from '@bulla/crypto';
import { dealShares } from '@bulla/crypto/open';
import type { Command } from 'commander';
import type { Context } from '../../context.js';
import { writeNew } from '../../input/key-files.js';
import { UsageError } from '../../input/usage-error.js';
import { styled } from '../../output/output.js';

interface CreateOptions {
  readonly shares: string;
  readonly threshold: string;
  readonly out: string;
}

/** `bulla keys shamir …` */
export function addShamirCommands(keys: Command, context: Context): void {
  keys
    .command('shamir')
    .description('a root key of a vault in shares, each held by another person')
    .command('create')
    .description('make a root key and write its shares; the key itself is written nowhere')
    .requiredOption('--shares <n>', `how many shares, from ${SHARES_MIN} to ${SHARES_MAX}`)
    .requiredOption('--threshold <m>', 'how many of them make the key')
    .option('--out <folder>', 'where to write: a folder for each set', 'root-shares')
    .option('--json', 'print what was written as JSON')
    .addHelpText(
      'after',
      `
Run it on a machine that is trusted with the key for this moment. It writes set.json, which is public and goes to every
process of the vault (BULLA_ROOT_KEY=shamir:/path/set.json), and share-1.txt and so on, of which each holder gets one. Who
has so many of them as are needed has the root key; who has fewer knows nothing. Keep no copies: \`bulla keys rotate root\`
replaces a set. With fewer shares left than are needed, what is managed is lost.

Examples:
  $ bulla keys shamir create --shares 5 --threshold 3
  $ bulla seal --to alice.pub.pem --from dealer.key.pem < root-shares/share-1.txt > share-1.jwe`,
    )
    .action((options: CreateOptions) => create(context, options));
}

async function create(context: Context, { out: folder, ...given }: CreateOptions): Promise<void> {
  const [shares, threshold] = [countOf('--shares', given.shares), countOf('--threshold', given.threshold)];
  if (threshold > shares) throw new UsageError('--threshold: there are not so many shares');
  const root = new Secret(randomBytes(32));
  try {
    const dealt = await dealShares(root, { shares, threshold }, context.now());
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const set = join(folder, 'set.json');
    // First: where there is a set already, nothing is written beside it.
    await writeNew(set, utf8(`${dealt.file}\n`), 0o644);
    const files: string[] = [];
    for (const [before, share] of dealt.shares.entries()) {
      const path = join(folder, `share-${before + 1}.txt`);
      await writeNew(path, utf8(`${share}\n`), 0o600);
      files.push(path);
    }
    if (context.asJson) return context.out.json({ set, id: dealt.set.id, shares, threshold, files });
    context.out.line(styled('✔', 'good'), ` set ${fingerprint(dealt.set.id)}: ${set}, for every process of the vault`);
    context.out.line(
      styled('✔', 'good'),
      ` ${shares} shares, ${threshold} of them make the root key: ${files.join(', ')}`,
    );
    context.out.talk(
      'Give each holder one, over a way of its own, and delete it here. The root key itself was written nowhere.',
    );
  } finally {
    root.wipe();
  }
}

function countOf(option: string, text: string): number {
  const count = /^[0-9]{1,3}$/.test(text) ? Number(text) : 0;
  if (count >= SHARES_MIN && count <= SHARES_MAX) return count;
  throw new UsageError(`${option}: must be a number from ${SHARES_MIN} to ${SHARES_MAX}`);
}
