import type { Bulla, LabelDates, VersionChoice } from '@bulla/client';
import { BullaError } from '@bulla/client';
import type { Context } from '../../context.js';
import { dateCells, datesAsJson, datesInWords } from '../../output/label-dates.js';
import { shortName } from '../../input/names.js';
import { styled } from '../../output/output.js';
import { custodyText, modelText, ownMessagesText, ownParameters, textOf } from '../../output/statement-lines.js';
import { visibleLine } from '../../output/visible-text.js';

/** One version opened: what it says, and who may do what with it. */
export async function showPrompt(
  context: Context,
  name: string,
  choice: VersionChoice,
  asJson: boolean,
): Promise<void> {
  const { out } = context;
  const bulla = await context.connect();
  const opened = await bulla.prompts.read(name, choice);
  const { labels } = await bulla.prompts.get(name);
  const dates = await bulla.labels.dates(name);
  const { statement, version, chash, author } = opened;
  const { messages, vars, model } = statement.content;
  if (asJson) {
    out.json({
      name,
      version,
      chash,
      author,
      message: statement.message,
      created_at: instant(statement.iat),
      labels: withDates(labels, dates),
      custody: statement.custody,
      acl: statement.acl,
      protect_until: statement.protect_until,
      input: statement.input,
      model,
      vars,
      messages,
    });
    return;
  }
  const self = await context.beholder();
  const pointing = labels.filter((one) => one.version === version).map(({ label }) => label);
  const ofPointing = dates.filter(({ label }) => pointing.includes(label));
  out.line(styled(name, 'strong'), `  v${version}  sha256:${chash}`);
  out.table([
    [
      'written',
      `${instant(statement.iat)} by ${shortName(author, self)}${statement.message === '' ? '' : `: ${statement.message}`}`,
    ],
    ['custody', custodyText(statement)],
    ['labels', pointing.join(', ') || '(none)'],
    ...ofPointing.map((one) => [`@${one.label}`, datesInWords(one)]),
    ['model', modelText(model)],
    ['may run', statement.acl.invoke.join(', ') || '(nobody)'],
    ['may read', statement.acl.read.join(', ') || '(nobody)'],
    ['runs on', statement.acl.responders.map((urn) => shortName(urn, self)).join(', ') || '(nowhere)'],
    ['secret until', statement.protect_until],
    ['own messages', ownMessagesText(statement)],
    ...ownParameters(statement).map((text): [string, string] => ['askers may set', text]),
    ...Object.entries(vars).map(([variable, { max, default: initial }]) => [
      `{{${variable}}}`,
      `${initial === undefined ? 'required' : `default ${JSON.stringify(initial)}`}, at most ${max} characters`,
    ]),
  ]);
  out.line();
  for (const line of textOf(statement)) out.line(visibleLine(line));
}

/** Every prompt whose name begins with a prefix. */
export async function showPrompts(context: Context, prefix: string | undefined, asJson: boolean): Promise<void> {
  const { out } = context;
  const bulla = await context.connect();
  const prompts = [];
  for await (const prompt of bulla.prompts.list(prefix)) prompts.push(prompt);
  const looked = prompts.slice(0, DATED_MAX);
  const dates = await out.during('looking at labels', datesOf(bulla, looked));
  if (prompts.length > looked.length)
    out.talk(`dates of the labels of the first ${DATED_MAX} prompts; for others: bulla prompt list PREFIX`);
  if (asJson) return out.json(prompts.map((one) => ({ ...one, labels: withDates(one.labels, dates.get(one.name)) })));
  if (prompts.length === 0) {
    out.talk(
      prefix === undefined
        ? 'there are no prompts yet; make one: bulla prompt push NAME -f FILE'
        : `no prompt begins with ${prefix}`,
    );
    return;
  }
  const rows = prompts.map(({ name, type, latest_version, labels, updated_at }) => [
    name,
    type,
    `v${latest_version}`,
    labels.map(({ label, version }) => `${label} v${version}`).join(', '),
    toSecond(updated_at),
  ]);
  out.table([['NAME', 'TYPE', 'NEWEST', 'LABELS', 'CHANGED'], ...rows]);
  const ofLabels = [...dates].flatMap(([name, labels]) => labels.map((one) => [name, ...dateRow(one)]));
  if (ofLabels.length === 0) return;
  out.line();
  out.table([['PROMPT', ...DATE_HEAD], ...ofLabels]);
}

/** So many prompts are asked about: each takes a request, and a key may ask about sixty things at once. */
const DATED_MAX = 40;

async function datesOf(
  bulla: Bulla,
  prompts: readonly { readonly id: string; readonly name: string }[],
): Promise<Map<string, readonly LabelDates[]>> {
  const dates = new Map<string, readonly LabelDates[]>();
  for (const prompt of prompts) dates.set(prompt.name, await bulla.labels.dates(prompt));
  return dates;
}

/** So many messages are opened: each takes the content of its version, which is sealed. */
const MESSAGES_MAX = 20;

/** The versions of a prompt, newest first. */
export async function showHistory(context: Context, name: string, asJson: boolean): Promise<void> {
  const { out } = context;
  const bulla = await context.connect();
  const { prompt, versions } = await bulla.prompts.history(name);
  const messages = await messagesOf(bulla, name, versions.slice(0, MESSAGES_MAX));
  if (asJson) return out.json(versions.map((one) => ({ ...one, message: messages.get(one.version)?.message ?? null })));
  const self = await context.beholder();
  const dates = await bulla.labels.dates(name);
  const rows = versions.map(({ version, chash, author, created_at }) => [
    `v${version}`,
    `sha256:${chash}`,
    prompt.labels
      .filter((one) => one.version === version)
      .map(({ label }) => label)
      .join(', '),
    shortName(author.urn, self),
    toSecond(created_at),
    shownMessage(messages.get(version)),
  ]);
  out.table([['VERSION', 'CONTENT', 'LABELS', 'STORED BY', 'STORED', 'MESSAGE'], ...rows]);
  if (versions.length > MESSAGES_MAX)
    out.talk(`messages of the newest ${MESSAGES_MAX}; for an older one: bulla prompt show ${name}@VERSION`);
  if (dates.length === 0) return;
  out.line();
  out.table([DATE_HEAD, ...dates.map(dateRow)]);
}

const DATE_HEAD = ['LABEL', 'AT', 'SIGNED UNTIL', 'NEWEST UNTIL'];

function dateRow(dates: LabelDates): string[] {
  return [dates.label, `v${dates.version}`, ...dateCells(dates)];
}

function withDates(
  labels: readonly { readonly label: string }[],
  dates: readonly LabelDates[] = [],
): readonly object[] {
  const byLabel = new Map(dates.map((one) => [one.label, one]));
  return labels.map((one) => {
    const of = byLabel.get(one.label);
    return of === undefined ? one : { ...one, ...datesAsJson(of) };
  });
}

/** What an author said of a version, or the code of why it was not opened. */
type Message = { readonly message: string } | { readonly message?: undefined; readonly code: string };

/** Messages are sealed with their versions: they are opened here, where this device can. */
async function messagesOf(
  bulla: Bulla,
  name: string,
  versions: readonly { readonly version: number }[],
): Promise<Map<number, Message>> {
  const messages = new Map<number, Message>();
  for (const { version } of versions) {
    try {
      const { statement } = await bulla.prompts.read(name, { version });
      messages.set(version, { message: statement.message });
    } catch (error) {
      if (!(error instanceof BullaError) || error.code === 'transport_failed') throw error;
      messages.set(version, { code: error.code });
    }
  }
  return messages;
}

function shownMessage(found: Message | undefined): string {
  if (found === undefined) return '…';
  return found.message ?? (found.code === 'forbidden' ? '(not sealed to this device)' : `(not opened: ${found.code})`);
}

/** RFC 3339, from seconds. */
function instant(seconds: number): string {
  return toSecond(new Date(seconds * 1000).toISOString());
}

function toSecond(timestamp: string): string {
  return timestamp.replace(/\.\d+Z$/, 'Z');
}
