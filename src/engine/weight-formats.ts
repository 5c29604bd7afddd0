// The formats in which a decoder can keep its weights.

/** In the order of `Format` in assembly/decode/weights.ts. */
export const weightFormats = ['float32', 'bfloat16', 'fp8'] as const;

export type WeightFormat = (typeof weightFormats)[number];
