/** Name of a prompt variable. */
export const VARIABLE_PATTERN = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/;

/** A template in pieces: literal text, or the name of the variable that stands there. */
export type TemplatePiece = { readonly text: string } | { readonly variable: string };

/** Where a template is wrong. The message names the position, never the text. */
export class TemplateError extends Error {
  override readonly name = 'TemplateError';
  /** Where the braces begin that are wrong, in characters from 0; absent where no place is. */
  readonly at: number | undefined;

  constructor(message: string, at?: number) {
    super(message);
    this.at = at;
  }
}

/**
 * Splits a template: `{{name}}` is a variable, `\{{` a literal `{{`, everything else text.
 * Strict: an opened `{{` must be closed around one name without spaces.
 * @throws {TemplateError}
 */
export function parseTemplate(template: string): TemplatePiece[] {
  const pieces: TemplatePiece[] = [];
  let text = '';
  let at = 0;
  for (let open = template.indexOf('{{'); open !== -1; open = template.indexOf('{{', at)) {
    if (template[open - 1] === '\\' && open > at) {
      text += `${template.slice(at, open - 1)}{{`;
      at = open + 2;
      continue;
    }
    const close = template.indexOf('}}', open);
    const variable = close === -1 ? '' : template.slice(open + 2, close);
    if (!VARIABLE_PATTERN.test(variable))
      throw new TemplateError(`{{ at character ${open + 1} does not hold one variable name`, open);
    text += template.slice(at, open);
    if (text !== '') pieces.push({ text });
    pieces.push({ variable });
    text = '';
    at = close + 2;
  }
  text += template.slice(at);
  if (text !== '') pieces.push({ text });
  return pieces;
}

/** The names that a template uses, each once, in order of first use. */
export function templateVariables(pieces: readonly TemplatePiece[]): string[] {
  return [...new Set(pieces.flatMap((piece) => ('variable' in piece ? [piece.variable] : [])))];
}

/**
 * Puts values into a template in one pass: a value is never scanned again, so it cannot bring variables of its own.
 * @throws {TemplateError} if a variable has no value; the caller checks that before.
 */
export function renderTemplate(pieces: readonly TemplatePiece[], values: ReadonlyMap<string, string>): string {
  return pieces
    .map((piece) => {
      if ('text' in piece) return piece.text;
      const value = values.get(piece.variable);
      if (value === undefined) throw new TemplateError('a variable has no value');
      return value;
    })
    .join('');
}
