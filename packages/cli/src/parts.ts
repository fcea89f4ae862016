import type { Command } from 'commander';
import type { Context } from './context.js';

/** Commands that are loaded together. */
interface Part {
  /** What may stand first in a command line that needs this part alone; none where it looks at all commands. */
  readonly names: readonly string[];
  load(): Promise<(program: Command, context: Context, version: string) => void>;
}

/** All commands, in the order of the help. */
export const PARTS: readonly Part[] = [
  { names: ['up'], load: async () => (await import('./commands/up.js')).addUpCommand },
  { names: ['init'], load: async () => (await import('./commands/init.js')).addInitCommand },
  { names: ['demo'], load: async () => (await import('./commands/demo.js')).addDemoCommand },
  { names: ['prompt'], load: async () => (await import('./commands/prompt/prompt.js')).addPromptCommands },
  { names: ['approve'], load: async () => (await import('./commands/approve.js')).addApproveCommands },
  { names: ['run'], load: async () => (await import('./commands/run.js')).addRunCommand },
  { names: ['chat'], load: async () => (await import('./commands/chat.js')).addChatCommand },
  { names: ['models'], load: async () => (await import('./commands/models.js')).addModelsCommands },
  { names: ['proxy'], load: async () => (await import('./commands/proxy/proxy.js')).addProxyCommands },
  { names: ['exec'], load: async () => (await import('./commands/exec.js')).addExecCommand },
  { names: ['mcp'], load: async () => (await import('./commands/mcp.js')).addMcpCommand },
  { names: ['usage'], load: async () => (await import('./commands/usage.js')).addUsageCommand },
  { names: ['verify'], load: async () => (await import('./commands/verify.js')).addVerifyCommand },
  { names: ['audit'], load: async () => (await import('./commands/audit/audit.js')).addAuditCommands },
  { names: ['trust'], load: async () => (await import('./commands/trust/trust.js')).addTrustCommands },
  { names: ['policy'], load: async () => (await import('./commands/policy.js')).addPolicyCommands },
  { names: ['people'], load: async () => (await import('./commands/people.js')).addPeopleCommands },
  { names: ['device'], load: async () => (await import('./commands/device/device.js')).addDeviceCommands },
  { names: ['keys'], load: async () => (await import('./commands/keys/keys.js')).addKeysCommands },
  { names: ['jobs'], load: async () => (await import('./commands/jobs.js')).addJobsCommands },
  { names: ['unseal'], load: async () => (await import('./commands/unseal.js')).addUnsealCommand },
  { names: ['seal', 'open'], load: async () => (await import('./commands/letter.js')).addLetterCommands },
  { names: ['doctor', 'status'], load: async () => (await import('./commands/doctor.js')).addInspectionCommands },
  { names: ['dev'], load: async () => (await import('./commands/dev.js')).addDevCommands },
  { names: ['api'], load: async () => (await import('./commands/api.js')).addApiCommand },
  { names: ['version', 'whoami'], load: async () => (await import('./commands/whoami.js')).addAboutCommands },
  { names: [], load: async () => (await import('./commands/completion.js')).addCompletionCommands },
  { names: [], load: async () => (await import('./commands/man.js')).addManCommand },
];

/**
 * The parts that a command line needs: the one whose command it begins with, which is most of the time that a short
 * command takes; else all, as for help and for what is misspelt.
 */
export function partsFor([first = '']: readonly string[]): readonly Part[] {
  const part = PARTS.find(({ names }) => names.includes(first));
  return part === undefined ? PARTS : [part];
}
