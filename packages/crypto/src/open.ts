export { loadUnwrapper } from './open-compact.js';
