export type { InputStream, Io, OutputStream } from './io.js';
export { run } from './program.js';
