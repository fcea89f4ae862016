export type { AnswerKeeper, AppRequest, AppResponse } from './app-request.js';
export type { AppSurfaceOptions } from './app-call.js';
export type { AppDialect, AppFault } from './app-errors.js';
export { ANTHROPIC_DIALECT } from './anthropic/anthropic-error.js';
export { faultHeaders, faultOf, OPENAI_DIALECT } from './app-errors.js';
export { APP_BODY_BYTES_MAX } from './app-body.js';
export { AppSurface } from './app-surface.js';
