import ts from 'typescript';
import { CONTROL, marksIn } from './marks.mjs';
import { subjectAfter, subjectBefore } from './subject.mjs';
import { parsed } from './syntax.mjs';

/**
 * A guard where it stands, and what becomes of its file without it: `code` from `start` to `end`.
 * @typedef {object} Guard
 * @property {string} name
 * @property {string} file
 * @property {number} line from 1
 * @property {number} start
 * @property {number} end
 * @property {string} code
 * @property {boolean} isWritten whether somebody wrote the code, which then must be type-checked
 */

/**
 * The guards of a source.
 * @param {string} file
 * @param {string} text
 * @returns {{ guards: Guard[], errors: string[] }} errors begin with file and line
 */
export function guardsIn(file, text) {
  const source = parsed(file, text);
  const { marks, errors } = marksIn(source);
  const guards = [];
  for (const mark of marks) {
    const { after, before } = mark.comment;
    const subject = after === undefined ? subjectAfter(source, before) : subjectBefore(source, after);
    if (subject === undefined) errors.push(`${mark.line + 1}: guard ${mark.name} marks nothing`);
    else if (mark.code === undefined && isDeclaration(subject.node))
      errors.push(`${mark.line + 1}: guard ${mark.name} takes away a declaration: say what stands there without it`);
    else if (mark.code === '') continue;
    else guards.push(guardOf(source, mark, subject));
  }
  for (const guard of guards)
    if (guard.name !== CONTROL && guard.code === text.slice(guard.start, guard.end))
      errors.push(`${guard.line}: guard ${guard.name} changes nothing`);
  return { guards, errors: errors.map((error) => `${file}:${error}`) };
}

/**
 * The text of a file without one of its guards.
 * @param {string} text
 * @param {Guard} guard
 */
export function withoutGuard(text, { start, end, code }) {
  return `${text.slice(0, start)}${code}${text.slice(end)}`;
}

function guardOf(source, { name, code, line }, subject) {
  const edit = code === undefined ? removalOf(source, subject) : replacementOf(source, subject, code);
  return { name, file: source.fileName, line: line + 1, isWritten: code !== undefined, ...edit };
}

function replacementOf(source, { kind, node, start, end }, code) {
  if (kind !== 'statement') return { start, end, code };
  if (ts.isIfStatement(node) && isHead(code)) return { start, end: endOfHead(source, node), code };
  return { start, end, code: isListed(node) ? code : `{ ${code} }` };
}

function removalOf(source, { kind, node, start, end }) {
  const { parent } = node;
  if (kind === 'clause') return { start: node.expression.expression.end, end, code: '' };
  if (kind === 'operand') {
    const [from, to] = node === parent.left ? [start, parent.right.getStart(source)] : [parent.left.end, end];
    return { start: from, end: to, code: '' };
  }
  if (kind === 'row') return { ...rangeInList(source, node), code: '' };
  if (ts.isIfStatement(node)) {
    const { expression } = node;
    return { start: expression.getStart(source), end: expression.end, code: 'false' };
  }
  return { start, end, code: isListed(node) ? '' : '{}' };
}

/** What others name: without it they fail by that, which shows nothing. */
function isDeclaration(node) {
  return ts.isVariableStatement(node) || (ts.isDeclarationStatement(node) && !ts.isClassElement(node));
}

/** Whether a statement is one of a list, or a member of a class, and may be none or several. */
function isListed({ parent }) {
  return (
    ts.isBlock(parent) ||
    ts.isSourceFile(parent) ||
    ts.isModuleBlock(parent) ||
    ts.isCaseOrDefaultClause(parent) ||
    ts.isClassLike(parent)
  );
}

/** `if (…)` alone, which leaves what it decides about as it is. */
function isHead(code) {
  if (!code.startsWith('if (')) return false;
  const { statements } = parsed('head.ts', `${code};`);
  const [only] = statements;
  return statements.length === 1 && ts.isIfStatement(only) && ts.isEmptyStatement(only.thenStatement);
}

function endOfHead(source, node) {
  return node.getChildren(source).find(({ kind }) => kind === ts.SyntaxKind.CloseParenToken).end;
}

/** A row with the comma after it; the last one, with the comma before it. */
function rangeInList(source, node) {
  const list = node.parent.getChildren(source).find((child) => child.getChildren(source).includes(node));
  const children = list.getChildren(source);
  const index = children.indexOf(node);
  const comma = children[index + 1];
  if (comma !== undefined) return { start: node.getStart(source), end: comma.end };
  return { start: children[index - 2]?.end ?? node.getStart(source), end: node.end };
}
