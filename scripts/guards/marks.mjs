import { commentsOf } from './syntax.mjs';

/** The guard that changes nothing and must survive, so that the run is seen to say so. */
export const CONTROL = 'control';

const MEANT = /^(?:\/\*+)?\s*guards?\s*:/i;
const MARK = /^ guard: (?<name>[a-z0-9]+(?:-[a-z0-9]+)*)(?<without> without:(?: (?<code>\S.*))?)?$/;
const CONTINUED = /^ {2,}(?<code>\S.*)$/;

/**
 * A guard comment as it is written.
 * @typedef {object} Mark
 * @property {string} name
 * @property {string | undefined} code what stands there without the guard; undefined if nothing does
 * @property {number} line from 0
 * @property {import('./syntax.mjs').Comment} comment
 */

/**
 * The guard comments of a source, and which of them cannot be read.
 * @param {import('typescript').SourceFile} source
 * @returns {{ marks: Mark[], errors: string[] }} errors begin with the line
 */
export function marksIn(source) {
  const marks = [];
  const errors = [];
  let open;
  for (const comment of commentsOf(source)) {
    const continued = continues(open, comment);
    if (continued !== undefined) {
      open.code = open.code === '' ? continued : `${open.code}\n${continued}`;
      open.lastLine = comment.line;
      continue;
    }
    open = undefined;
    if (!MEANT.test(comment.text)) continue;
    const found = comment.isLine ? MARK.exec(comment.text.trimEnd())?.groups : undefined;
    if (found === undefined) {
      errors.push(`${comment.line + 1}: not a guard: ${comment.text.trim()}`);
      continue;
    }
    open = { name: found.name, code: found.without && (found.code ?? ''), line: comment.line, lastLine: comment.line };
    open.comment = comment;
    marks.push(open);
  }
  for (const { name, code, line } of marks)
    if (code === '') errors.push(`${line + 1}: guard ${name} says no code after without:`);
  return { marks, errors };
}

/** The code that goes on in the next comment line. */
function continues(open, comment) {
  const adjoins = open?.code !== undefined && comment.after === undefined && comment.line === open.lastLine + 1;
  return adjoins && comment.isLine ? CONTINUED.exec(comment.text)?.groups.code : undefined;
}
