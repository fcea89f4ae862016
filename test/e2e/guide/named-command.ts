import { bulla } from '../../bulla-command.js';

const helps = new Map<string, Promise<string | undefined>>();

/** The help of a command, or undefined where there is none. */
function helpOf(words: readonly string[]): Promise<string | undefined> {
  const name = words.join(' ');
  const known = helps.get(name);
  if (known !== undefined) return known;
  const help = bulla(['help', ...words], {}).then(({ status, stdout }) => (status === 0 ? stdout : undefined));
  helps.set(name, help);
  return help;
}

/**
 * What is wrong with a command line that somebody reads: a command or an option that there is not. Nothing is run.
 * @param args behind `bulla`; in capitals and in brackets stands what the reader puts there
 */
export async function faultsOf(args: readonly string[]): Promise<string[]> {
  const words = args.filter((word) => /^[a-z][a-z-]*$/.test(word));
  const options = args.filter((word) => /^--?[a-z]/i.test(word)).map((word) => word.split('=')[0] ?? '');
  let help = (await helpOf([])) ?? '';
  const all = [help];
  for (let count = 1; count <= words.length && help.includes('\nCommands:'); count += 1) {
    const found = await helpOf(words.slice(0, count));
    if (found === undefined) return [`there is no command ${words.slice(0, count).join(' ')}`];
    help = found;
    all.push(help);
  }
  const isThere = (option: string) =>
    all.some((text) => new RegExp(`^ +(-\\w, )?${option}\\b|^ +${option}, `, 'm').test(text));
  return options.filter((option) => !isThere(option)).map((option) => `${words.join(' ')} has no ${option}`);
}
