/** Words and bounds of what is asked of a model; statements, questions and what an author sends in the clear have them in common. */

/** What may be asked of a model beside the messages, by the names that OpenAI's interface gives it. */
export const PARAMETER_NAMES = [
  'temperature',
  'top_p',
  'presence_penalty',
  'frequency_penalty',
  'seed',
  'stop',
  'n',
  'logprobs',
  'top_logprobs',
  'logit_bias',
  'reasoning_effort',
  'verbosity',
  'tools',
  'tool_choice',
  'parallel_tool_calls',
  'response_format',
] as const;
export type ParameterName = (typeof PARAMETER_NAMES)[number];

/** Media types that a message may bring along as `data:` URL: pictures. */
export const IMAGE_TYPES = ['image/png', 'image/jpeg', 'image/webp', 'image/gif'] as const;
/** The same for files. */
export const FILE_TYPES = ['application/pdf', 'application/json', 'text/plain', 'text/markdown', 'text/csv'] as const;
/** What all `data:` URLs of one question hold together, in bytes. */
export const DATA_BYTES_MAX = 4 * 1024 * 1024;

/** Messages of one question. */
export const MESSAGES_MAX = 2_048;
/** Parts of one message. */
export const PARTS_MAX = 256;
/** Tools of one question, and calls of them in one message. */
export const TOOLS_MAX = 128;
/** Answers that one question may ask for. */
export const CHOICES_MAX = 16;
/** Longest description of a tool or of a format, in characters. */
export const TOOL_DESCRIPTION_MAX = 16_384;
/** Longest JSON Schema of a tool or an answer, in UTF-16 code units. */
export const USER_JSON_CHARACTERS_MAX = 131_072;
/** Deepest nesting of such a schema. */
export const USER_JSON_DEPTH_MAX = 64;
/** Texts that one question may ask the embeddings of. */
export const EMBEDDED_TEXTS_MAX = 2_048;
/** Largest number of dimensions of an embedding. */
export const DIMENSIONS_MAX = 32_768;

/** Names of tools, as OpenAI's interface has them. */
export const TOOL_NAME_PATTERN = /^[A-Za-z0-9_-]{1,64}$/;
/** How much a model is to think; which words there are, its server knows. */
export const EFFORT_PATTERN = /^[a-z]{1,16}$/;
/** A token by its number in the vocabulary of a model. */
export const TOKEN_NUMBER_PATTERN = /^(?:0|[1-9][0-9]{0,9})$/;
