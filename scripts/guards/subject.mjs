import ts from 'typescript';
import { nodesOf } from './syntax.mjs';

const LOGICAL = new Set([
  ts.SyntaxKind.AmpersandAmpersandToken,
  ts.SyntaxKind.BarBarToken,
  ts.SyntaxKind.QuestionQuestionToken,
]);
const SEPARATOR = new Set([...LOGICAL, ts.SyntaxKind.CommaToken, ts.SyntaxKind.SemicolonToken]);

/**
 * What a guard comment marks.
 * @typedef {object} Subject
 * @property {'statement' | 'operand' | 'row' | 'clause'} kind
 * @property {ts.Node} node
 * @property {number} start in the text, without comments before it
 * @property {number} end
 */

/**
 * What a comment on a line of its own marks: what begins after it, a statement or class member before anything else.
 * @param {ts.SourceFile} source
 * @param {ts.Node} token the one that follows the comment
 * @returns {Subject | undefined}
 */
export function subjectAfter(source, token) {
  // The formatter moves a comment between `else` and `if` in front of both.
  const isElseIf = token.kind === ts.SyntaxKind.ElseKeyword && ts.isIfStatement(token.parent.elseStatement);
  const start = (isElseIf ? token.parent.elseStatement : token).getStart(source);
  const beginning = subjectsIn(source).filter((subject) => subject.start === start);
  return beginning.find(({ kind }) => kind === 'statement') ?? beginning[0];
}

/**
 * What a comment at the end of a line marks: what ends there and begins a line.
 * @param {ts.SourceFile} source
 * @param {ts.Node} token the one before the comment; a separator belongs to what it ends
 * @returns {Subject | undefined}
 */
export function subjectBefore(source, token) {
  const end = SEPARATOR.has(token.kind) ? endBefore(source, token) : token.end;
  const ending = subjectsIn(source).filter(
    (subject) => subject.kind !== 'statement' && subject.end === end && beginsLine(source, subject.start),
  );
  // The nearest line; of what begins there too, the outermost.
  const start = Math.max(...ending.map((subject) => subject.start));
  return ending.find((subject) => subject.start === start);
}

/** From the outside in. */
const known = new WeakMap();
function subjectsIn(source) {
  const subjects = known.get(source) ?? [...nodesOf(source)].flatMap((node) => subjectsOf(source, node));
  known.set(source, subjects);
  return subjects;
}

function subjectsOf(source, node) {
  const range = { node, start: node.getStart(source), end: node.end };
  if ((ts.isStatement(node) && !isBody(node)) || ts.isClassElement(node)) return [{ ...range, kind: 'statement' }];
  const subjects = [];
  if (isOperand(node)) subjects.push({ ...range, kind: 'operand' });
  if (isRow(node)) subjects.push({ ...range, kind: 'row' });
  if (isClause(node)) subjects.push({ ...range, kind: 'clause', start: dotOf(source, node).getStart(source) });
  return subjects;
}

function isBody(node) {
  return ts.isBlock(node) && !ts.isBlock(node.parent) && !ts.isSourceFile(node.parent);
}

/** One of all that stand between the same operators: `a && b` in `a && b && c` is not one. */
function isOperand(node) {
  const { parent } = node;
  if (parent === undefined || !ts.isBinaryExpression(parent) || !LOGICAL.has(parent.operatorToken.kind)) return false;
  const isChain = ts.isBinaryExpression(node) && node.operatorToken.kind === parent.operatorToken.kind;
  return node !== parent.operatorToken && !isChain;
}

/** An element, a member of an object literal or an argument. */
function isRow(node) {
  const { parent } = node;
  if (parent === undefined) return false;
  if (ts.isArrayLiteralExpression(parent)) return parent.elements.includes(node);
  if (ts.isObjectLiteralExpression(parent)) return parent.properties.includes(node);
  return (ts.isCallExpression(parent) || ts.isNewExpression(parent)) && parent.arguments?.includes(node) === true;
}

/** A call of a member, such as `.where(…)`: from its dot. */
function isClause(node) {
  return ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression);
}

function dotOf(source, { expression }) {
  return expression.getChildren(source)[1];
}

function endBefore(source, token) {
  const { text } = source;
  let end = token.getStart(source);
  while (/\s/.test(text[end - 1] ?? '')) end--;
  return end;
}

function beginsLine({ text }, start) {
  return text.slice(text.lastIndexOf('\n', start - 1) + 1, start).trim() === '';
}
