export { Bearer } from './bearer.js';
export type { ListenAddress } from './listening.js';
export { LISTEN, parseListen, ProxyError } from './listening.js';
export { ProxyServer } from './proxy-server.js';
export type { ProxyOptions } from './start-proxy.js';
export { startProxy } from './start-proxy.js';
export { STATUS_PATH } from './gate.js';
