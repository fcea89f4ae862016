import type { FakeFault, FakeReply, FakeScript } from './fake-openai-script.js';

type Check = (value: unknown) => boolean;
type Checks<Shape> = { readonly [Member in keyof Shape]-?: Check };

const text: Check = (value) => typeof value === 'string';
const flag: Check = (value) => typeof value === 'boolean';
const count: Check = (value) => Number.isSafeInteger(value) && Number(value) >= 0;
const wait: Check = (value) => count(value) || value === Number.POSITIVE_INFINITY;
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const listOf =
  (item: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(item);
const oneOf =
  (...words: unknown[]): Check =>
  (value) =>
    words.includes(value);
const shape =
  (checks: Readonly<Record<string, Check>>): Check =>
  (value) =>
    isObject(value) && Object.entries(value).every(([member, at]) => checks[member]?.(at) === true);

const FAULT: Readonly<Record<string, Check>> = {
  afterTokens: count,
  kind: oneOf('stall', 'cut', 'write', 'huge-event' satisfies FakeFault['kind']),
  text,
  bytes: count,
};
const REPLY: Checks<FakeReply> = {
  status: (value) => count(value) && Number(value) >= 200 && Number(value) <= 599,
  body: text,
  contentType: text,
  headers: (value) => isObject(value) && Object.values(value).every(text),
  delayBeforeHeadersMs: wait,
  delayBeforeTokensMs: wait,
  delayBetweenTokensMs: wait,
  tokens: listOf(text),
  refusal: listOf(text),
  members: isObject,
  toolCalls: listOf(shape({ index: count, id: text, name: text, arguments: text })),
  finishReason: (value) => value === null || text(value),
  usage: (value) =>
    value === false || shape({ prompt_tokens: count, completion_tokens: count, total_tokens: count })(value),
  usagePlace: oneOf('separate', 'merged'),
  model: text,
  splitUtf8: flag,
  lineEnd: oneOf('\n', '\r\n'),
  omitDone: flag,
  hangAfterDone: flag,
  faults: listOf((value) => shape(FAULT)(value) && isWholeFault(value as Record<string, unknown>)),
};
const SCRIPT: Checks<FakeScript> = {
  models: listOf(text),
  modelsReply: (value) => isObject(value) && faultyMember(value, REPLY) === undefined,
  replies: (value) => isObject(value) || (Array.isArray(value) && value.length > 0 && value.every(isObject)),
};

/**
 * A script from JSON, for those who have no compiler to tell them that it is wrong. A wait may be the word "never".
 * @throws {TypeError} naming the member that is not known, or not of its kind
 */
export function parseScript(json: string): FakeScript {
  const script = parseJson(json);
  if (!isObject(script)) throw new TypeError('the script is no JSON object');
  refuse(faultyMember(script, SCRIPT));
  const replies = Array.isArray(script['replies']) ? (script['replies'] as object[]) : [script['replies'] ?? {}];
  for (const reply of replies) refuse(faultyMember(reply as Record<string, unknown>, REPLY));
  return script;
}

function faultyMember(value: Readonly<Record<string, unknown>>, checks: Readonly<Record<string, Check>>) {
  return Object.keys(value).find(
    (member) => !Object.hasOwn(checks, member) || checks[member]?.(value[member]) !== true,
  );
}

function refuse(member: string | undefined): void {
  if (member !== undefined)
    throw new TypeError(`the script has a member that is not known, or of another kind: ${member}`);
}

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json, (member, value: unknown) =>
      member.startsWith('delay') && value === 'never' ? Number.POSITIVE_INFINITY : value,
    );
  } catch {
    throw new TypeError('the script is no JSON');
  }
}

function isWholeFault({ afterTokens, kind, text: words, bytes }: Readonly<Record<string, unknown>>): boolean {
  return (
    count(afterTokens) &&
    (words !== undefined) === (kind === 'write') &&
    (bytes !== undefined) === (kind === 'huge-event')
  );
}
