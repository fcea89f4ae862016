/** Types of values in a GGUF file. */
const [UINT32, FLOAT32, STRING, ARRAY, INT32] = [4, 6, 8, 9, 5];
const ALIGNMENT = 32;
const [WIDTH, HEADS, INNER] = [32, 4, 64];
/** The type of a token that is one byte. */
const BYTE = 6;

/** Bytes one after the other, little-endian. */
class Writer {
  readonly #parts: Buffer[] = [];

  u32(value: number): this {
    return this.#add(4, (bytes) => bytes.writeUInt32LE(value));
  }

  u64(value: number): this {
    return this.#add(8, (bytes) => bytes.writeBigUInt64LE(BigInt(value)));
  }

  f32(value: number): this {
    return this.#add(4, (bytes) => bytes.writeFloatLE(value));
  }

  text(value: string): this {
    const bytes = Buffer.from(value);
    return this.u64(bytes.length).raw(bytes);
  }

  raw(bytes: Buffer): this {
    this.#parts.push(bytes);
    return this;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#parts);
  }

  #add(size: number, write: (bytes: Buffer) => void): this {
    const bytes = Buffer.alloc(size);
    write(bytes);
    return this.raw(bytes);
  }
}

/** Every byte as a token, and the letters: enough to write anything, with no sense in it. */
const TOKENS: readonly (readonly [text: string, type: number])[] = [
  ['<unk>', 2],
  ['<s>', 3],
  ['</s>', 3],
  ...Array.from(
    { length: 256 },
    (_, byte) => [`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`, BYTE] as const,
  ),
  ...Array.from('▁abcdefghijklmnopqrstuvwxyz', (letter) => [letter, 1] as const),
];

/** Weights by the name of their tensor and their place in it. */
export type Weights = (name: string, place: number) => number;

/** Weights of no sense. */
export function randomWeights(random: () => number): Weights {
  return (name) => (name.includes('norm') ? 1 : random() - 0.5);
}

/** Weights of a model that says one byte again and again. */
export function weightsSaying(byte: number): Weights {
  const row = TOKENS.findIndex(([, type]) => type === BYTE) + byte;
  return (name, place) => {
    if (name === 'output.weight') return Math.floor(place / WIDTH) === row ? 1 : 0;
    return name.includes('norm') || name === 'token_embd.weight' ? 1 : 0;
  };
}

/** A language model in the format GGUF, of one layer: it is real in all but its words. */
export function tinyGguf(weights: Weights): Buffer {
  const tensors: readonly (readonly [name: string, ...shape: number[]])[] = [
    ['token_embd.weight', WIDTH, TOKENS.length],
    ['blk.0.attn_norm.weight', WIDTH],
    ['blk.0.attn_q.weight', WIDTH, WIDTH],
    ['blk.0.attn_k.weight', WIDTH, WIDTH],
    ['blk.0.attn_v.weight', WIDTH, WIDTH],
    ['blk.0.attn_output.weight', WIDTH, WIDTH],
    ['blk.0.ffn_norm.weight', WIDTH],
    ['blk.0.ffn_gate.weight', WIDTH, INNER],
    ['blk.0.ffn_up.weight', WIDTH, INNER],
    ['blk.0.ffn_down.weight', INNER, WIDTH],
    ['output_norm.weight', WIDTH],
    ['output.weight', WIDTH, TOKENS.length],
  ];
  const numbers: readonly (readonly [name: string, value: number])[] = [
    ['llama.context_length', 2048],
    ['llama.embedding_length', WIDTH],
    ['llama.block_count', 1],
    ['llama.feed_forward_length', INNER],
    ['llama.attention.head_count', HEADS],
    ['llama.attention.head_count_kv', HEADS],
    ['llama.rope.dimension_count', WIDTH / HEADS],
    ['llama.vocab_size', TOKENS.length],
    ['tokenizer.ggml.bos_token_id', 1],
    ['tokenizer.ggml.eos_token_id', 2],
    ['tokenizer.ggml.unknown_token_id', 0],
  ];
  const head = new Writer()
    .raw(Buffer.from('GGUF'))
    .u32(3)
    .u64(tensors.length)
    .u64(numbers.length + 6);
  for (const [name, value] of [
    ['general.architecture', 'llama'],
    ['tokenizer.ggml.model', 'llama'],
  ] as const)
    head.text(name).u32(STRING).text(value);
  for (const [name, value] of numbers) head.text(name).u32(UINT32).u32(value);
  head.text('llama.attention.layer_norm_rms_epsilon').u32(FLOAT32).f32(1e-5);
  head.text('tokenizer.ggml.tokens').u32(ARRAY).u32(STRING).u64(TOKENS.length);
  for (const [text] of TOKENS) head.text(text);
  head.text('tokenizer.ggml.scores').u32(ARRAY).u32(FLOAT32).u64(TOKENS.length);
  for (const [index] of TOKENS.entries()) head.f32(-index);
  head.text('tokenizer.ggml.token_type').u32(ARRAY).u32(INT32).u64(TOKENS.length);
  for (const [, type] of TOKENS) head.u32(type);
  const data = new Writer();
  for (const [name, ...shape] of tensors) {
    head.text(name).u32(shape.length);
    for (const size of shape) head.u64(size);
    head.u32(0).u64(data.bytes.length);
    const values = shape.reduce((product, size) => product * size, 1);
    for (let index = 0; index < values; index += 1) data.f32(weights(name, index));
    data.raw(Buffer.alloc((ALIGNMENT - (data.bytes.length % ALIGNMENT)) % ALIGNMENT));
  }
  head.raw(Buffer.alloc((ALIGNMENT - (head.bytes.length % ALIGNMENT)) % ALIGNMENT));
  return Buffer.concat([head.bytes, data.bytes]);
}
