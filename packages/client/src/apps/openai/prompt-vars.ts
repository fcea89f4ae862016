import { isAppObject } from '../app-body.js';
import { refused } from '../app-errors.js';

const AT = '/metadata/bulla_vars';

/**
 * The variables of a stored prompt in `metadata.bulla_vars`: an object of texts, or its JSON as text, since OpenAI's SDKs
 * let metadata hold nothing else.
 * @throws {BullaError} validation_failed
 */
export function readPromptVars(metadata: unknown): Readonly<Record<string, string>> | undefined {
  const given = isAppObject(metadata) ? metadata['bulla_vars'] : undefined;
  if (given === undefined || given === null) return undefined;
  const vars = typeof given === 'string' ? parsed(given) : given;
  if (!isAppObject(vars)) throw refused(AT, 'must be an object of texts, or its JSON as text');
  const wrong = Object.keys(vars).find((name) => typeof vars[name] !== 'string');
  if (wrong !== undefined) throw refused(`${AT}/${wrong}`, 'must be text');
  return vars as Readonly<Record<string, string>>;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
