import type { Command } from 'commander';
import type { Context } from '../../context.js';
import { addAcceptLossCommand } from './audit-accept-loss.js';
import { addEraseCommand } from './audit-erase.js';
import { addExportCommand } from './audit-export.js';
import { addListCommand } from './audit-list.js';
import { addSetAsideCommand } from './audit-set-aside.js';
import { addShowCommand } from './audit-show.js';
import { addDeadLettersCommand } from './audit-dead-letters.js';
import { addStreamCommand } from './audit-stream.js';
import { addTailCommand } from './audit-tail.js';
import { addVerifyAuditCommand } from './audit-verify.js';
import { addWitnessCommand } from './audit-witness.js';

/** `bulla audit …` */
export function addAuditCommands(program: Command, context: Context): void {
  const audit = program
    .command('audit')
    .description('who did what: the logs of the vault and the responders, which cannot be rewritten unseen')
    .addHelpText(
      'after',
      `
The vault and each responder keep a log of every change, every refusal, and every read of something sealed. Each signs the
root of its log, so that what is taken away or changed later shows. Admins and auditors may read it; an auditor needs no
key that opens anything: \`bulla device invite --role auditor\`.

Examples:
  $ bulla audit list --since 24h --actor ci
  $ bulla audit show env_01m8hakbanf7b8garf0rh9sjrr
  $ bulla audit verify
  $ bulla audit export --out audit-2026-11
  $ bulla audit verify audit-2026-11 --pin sha256:3f… (64 digits, as \`bulla trust pin\` prints it)`,
    );
  addListCommand(audit, context);
  addTailCommand(audit, context);
  addShowCommand(audit, context);
  addVerifyAuditCommand(audit, context);
  addAcceptLossCommand(audit, context);
  addExportCommand(audit, context);
  addEraseCommand(audit, context);
  addSetAsideCommand(audit, context);
  addStreamCommand(audit, context);
  addDeadLettersCommand(audit, context);
  addWitnessCommand(audit, context);
}
