export { isMadeOf } from './names/characters.js';
export { mintId, organisationUrn, parseUrn, recoveryUrn, urnOf } from './names/ids.js';
export type { ParsedUrn, UrnKind } from './names/ids.js';
export type { ParameterName } from './names/chat.js';
export {
  CHOICES_MAX,
  DATA_BYTES_MAX,
  DIMENSIONS_MAX,
  EFFORT_PATTERN,
  EMBEDDED_TEXTS_MAX,
  FILE_TYPES,
  IMAGE_TYPES,
  MESSAGES_MAX,
  PARAMETER_NAMES,
  PARTS_MAX,
  TOKEN_NUMBER_PATTERN,
  TOOL_DESCRIPTION_MAX,
  TOOL_NAME_PATTERN,
  TOOLS_MAX,
  USER_JSON_CHARACTERS_MAX,
  USER_JSON_DEPTH_MAX,
} from './names/chat.js';
export {
  CHAT_MODELS_MAX,
  CHAT_USES_MAX,
  FRAMES_MAX,
  FRESH_MAX,
  GROUPS_MAX,
  NUMBER_MAX,
  SKEW_SECONDS,
  TAGS_MAX,
  USES_MAX,
  WITNESSES_MAX,
} from './names/limits.js';
export type { IdPrefix, UrnHolder } from './names/patterns.js';
export {
  GROUP_PATTERN,
  HASH_PATTERN,
  idPattern,
  LABEL_PATTERN,
  NAME_CHARACTERS_MAX,
  NAME_PATTERN,
  NAME_SPELLING,
  ORG_PATTERN,
  PIN_PATTERN,
  urnPattern,
  WITNESS_NAME_PATTERN,
} from './names/patterns.js';
export { DEVICE_ROLES, ENTITY_KINDS, GATEWAY_ROLES, ROLES } from './names/roles.js';
export { isVisibleName } from './names/visible-name.js';
export { atOnce } from './schemas/at-once.js';
