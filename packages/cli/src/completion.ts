import { Readable, Writable } from 'node:stream';
import { InvitationFile } from '@bulla/client/node';
import { DeviceRole } from '@bulla/contract';
import type { Command, Option } from 'commander';
import { Context } from './context.js';
import { idOf } from './output/device-names.js';
import { visibleCommands } from './help.js';
import type { Io } from './io.js';

/** Nobody waits longer for the next word. */
const LIMIT_MS = 1_000;
const NAMES_MAX = 200;
const USUAL_LABELS = ['production', 'staging'];

/**
 * What may stand in the place of the last word of a command line. It asks nobody anything: what takes a passphrase, a
 * vault that is not there, or more than a second, is left out.
 * @param words those after `bulla`, the last one as far as it was typed
 */
export async function completionsOf(program: Command, io: Io, words: readonly string[]): Promise<string[]> {
  const place = placeOf(program, words.slice(0, -1));
  const begun = words.at(-1) ?? '';
  const found =
    begun.startsWith('-') && place.option === undefined ? optionsOf(place.command) : await wordsFor(place, io, begun);
  return [...new Set(found)].filter((word) => word.startsWith(begun)).toSorted();
}

/** Where in a command line the next word stands. */
interface Place {
  readonly command: Command;
  /** Set where the word before is an option that takes a value. */
  readonly option: Option | undefined;
  readonly positionals: readonly string[];
}

function placeOf(program: Command, words: readonly string[]): Place {
  let command = program;
  let option: Option | undefined;
  let positionals: string[] = [];
  for (const word of words) {
    if (option !== undefined) option = undefined;
    else if (word.startsWith('-')) option = takesValue(command, word);
    else {
      const child = positionals.length === 0 ? command.commands.find((one) => one.name() === word) : undefined;
      if (child === undefined) positionals = [...positionals, word];
      else command = child;
    }
  }
  return { command, option, positionals };
}

function takesValue(command: Command, word: string): Option | undefined {
  const found = command.options.find(({ long, short }) => word === long || word === short);
  return found?.required === true || found?.optional === true ? found : undefined;
}

function optionsOf(command: Command): string[] {
  return command
    .createHelp()
    .visibleOptions(command)
    .map(({ long, short }) => long ?? short ?? '');
}

async function wordsFor({ command, option, positionals }: Place, io: Io, begun: string): Promise<string[]> {
  if (option === undefined && command.commands.length > 0)
    return positionals.length > 0 ? [] : visibleCommands(command).map((one) => one.name());
  const argument = command.registeredArguments[positionals.length];
  const choices = (option ?? argument)?.argChoices;
  if (choices !== undefined) return [...choices];
  const wanted = option === undefined ? `${command.parent?.name()} ${argument?.name()}` : (option.long ?? '');
  const [subject = ''] = positionals;
  switch (wanted) {
    case '--label':
    case 'prompt label':
      return command.parent?.name() === 'device' ? [] : quietly(io, (context) => labelsOf(context, subject));
    case '--role':
      return [...DeviceRole.options];
    case '--responder':
      return quietly(io, async (context) => {
        const known = await (await context.offline()).knownTrust();
        return known?.entitiesOf('responder') ?? [];
      });
    case 'prompt name':
    case 'bulla prompt':
    case 'prompt prefix':
      return quietly(io, (context) => promptsLike(context, begun));
    case 'prompt name@label':
      return quietly(io, (context) => standingLike(context, begun));
    case 'approve id':
      return quietly(io, approvalsOf);
    case 'device device':
      return quietly(io, devicesOf);
    default:
      return [];
  }
}

async function promptsLike(context: Context, prefix: string): Promise<string[]> {
  const bulla = await context.connect();
  const names: string[] = [];
  for await (const { name } of bulla.prompts.list(prefix === '' ? undefined : prefix)) {
    names.push(name);
    if (names.length === NAMES_MAX) break;
  }
  return names;
}

async function standingLike(context: Context, begun: string): Promise<string[]> {
  const bulla = await context.connect();
  const [name = ''] = begun.split('@');
  const found: string[] = [];
  for await (const prompt of bulla.prompts.list(name === '' ? undefined : name)) {
    found.push(...prompt.labels.map(({ label }) => `${prompt.name}@${label}`));
    if (found.length >= NAMES_MAX) break;
  }
  return found;
}

async function approvalsOf(context: Context): Promise<string[]> {
  const ids: string[] = [];
  for await (const { id } of (await context.connect()).approvals.list()) ids.push(id);
  return ids;
}

async function labelsOf(context: Context, prompt: string): Promise<string[]> {
  if (prompt === '') return USUAL_LABELS;
  const { labels } = await (await context.connect()).prompts.get(prompt);
  return [...USUAL_LABELS, ...labels.map(({ label }) => label)];
}

/** As this machine knows them: nobody is asked. */
async function devicesOf(context: Context): Promise<string[]> {
  const known = await (await context.offline()).knownTrust();
  const records = await new InvitationFile(context.home).list();
  const labels = records.flatMap(({ device, label }) => (device === undefined || /\s/.test(label) ? [] : [label]));
  return [...(known?.entitiesOf('device') ?? []).map(idOf), ...labels];
}

/** What is found within the time there is; nothing where it fails. Nothing is asked and nothing is said. */
async function quietly(io: Io, find: (context: Context) => Promise<readonly string[]>): Promise<string[]> {
  const over = AbortSignal.timeout(LIMIT_MS);
  const nowhere = () => new Writable({ write: (_chunk, _encoding, done) => done() });
  const context = new Context({
    ...io,
    stdin: Readable.from([]),
    stdout: nowhere(),
    stderr: nowhere(),
    fetch: (input, init) =>
      io.fetch(input, { ...init, signal: AbortSignal.any([over, ...(init?.signal ? [init.signal] : [])]) }),
  });
  const late = new Promise<readonly string[]>((resolve) => {
    over.addEventListener('abort', () => resolve([]));
  });
  return [...(await Promise.race([find(context).catch(() => []), late]))];
}

/** What a shell runs to complete `bulla`; without words of ours it completes names of files. */
export const SHELL_SCRIPTS = {
  // Bash breaks words at @, : and =, which names hold: they are put together again, and what stands already is cut off. What
  // it replaces begins behind : and =, and with @.
  bash: `_bulla() {
  local IFS=$'\\n' rest=$COMP_LINE word at
  local -a words=()
  for ((at = 0; at <= COMP_CWORD; at++)); do
    word=\${COMP_WORDS[at]}
    if ((at > 0)) && [[ $rest != [[:space:]]* ]]; then words[-1]+=$word; else words+=("$word"); fi
    rest=\${rest#"\${rest%%[![:space:]]*}"}
    rest=\${rest#"$word"}
  done
  COMPREPLY=($(bulla __complete -- "\${words[@]:1}" 2>/dev/null))
  word=\${COMP_WORDS[COMP_CWORD]}
  if [[ $word == [:=] ]]; then word=; fi
  if [[ \${COMP_WORDS[COMP_CWORD - 1]} == @ && \${words[-1]} == *"@$word" ]]; then word=@$word; fi
  COMPREPLY=("\${COMPREPLY[@]#"\${words[-1]%"$word"}"}")
}
complete -o default -o bashdefault -F _bulla bulla
`,
  zsh: `#compdef bulla
_bulla() {
  local -a found
  found=("\${(@f)$(bulla __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "\${found[1]}" ]]; then compadd -- "\${found[@]}"; else _files; fi
}
if [[ "\${funcstack[1]}" = "_bulla" ]]; then
  _bulla "$@"
else
  (( $+functions[compdef] )) || { autoload -Uz compinit && compinit -i }
  compdef _bulla bulla
fi
`,
  fish: `function __bulla_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -a words "$current"
    set -l found (bulla __complete -- $words[2..-1] 2>/dev/null)
    if test (count $found) -gt 0
        printf '%s\\n' $found
    else
        __fish_complete_path (commandline -ct)
    end
end
complete -c bulla -f -a '(__bulla_complete)'
`,
} as const;
