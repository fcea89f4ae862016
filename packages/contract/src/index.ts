export type { TemplatePiece } from './template.js';
export { parseTemplate, renderTemplate, TemplateError, templateVariables, VARIABLE_PATTERN } from './template.js';
