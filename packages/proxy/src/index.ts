export { Bearer } from './bearer.js';
export type { ListenAddress } from './listening.js';
export { LISTEN, parseListen, ProxyError } from './listening.js';
export { ProxyServer } from './proxy-server.js';
