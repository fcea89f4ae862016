import { idempotent, idempotentOn } from './headers.js';

// What routes of one sort have in common; the tables spell out the rest.
export const read = { service: 'vault', method: 'GET', status: 200, signedResponse: true } as const;
export const create = {
  service: 'vault',
  method: 'POST',
  headers: idempotent,
  status: 201,
  signedResponse: true,
} as const;
export const remove = { service: 'vault', method: 'DELETE', status: 204, signedResponse: true } as const;
export const change = {
  service: 'vault',
  method: 'PUT',
  headers: idempotentOn,
  status: 200,
  signedResponse: true,
} as const;
