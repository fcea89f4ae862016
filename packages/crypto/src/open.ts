export { loadUnwrapper } from './open-compact.js';
export type { OpenedInvocation } from './open-invocation.js';
export { openInvocation } from './open-invocation.js';
export type { ReplyOpening } from './reply-opener.js';
export { ReplyOpener } from './reply-opener.js';
export { openContent } from './open-content.js';
export type { ExpectedGrant } from './open-grant.js';
export { openGrant } from './open-grant.js';
export { openLocked } from './open-locked.js';
