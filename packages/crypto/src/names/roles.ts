/** What an entity of the directory is. */
export const ENTITY_KINDS = ['vault', 'responder', 'gateway', 'device'] as const;
/** What a device may be trusted with. `renewer` stands alone: it may decide nothing, and says what is the newest. */
export const DEVICE_ROLES = ['owner', 'admin', 'author', 'invoker', 'auditor', 'renewer'] as const;
/** What a gateway may be trusted with; vault and responder are each a `service` alone. */
export const GATEWAY_ROLES = ['service', 'gateway', 'invoker'] as const;
/** All roles, each once. */
export const ROLES = [...DEVICE_ROLES, 'service', 'gateway'] as const;
