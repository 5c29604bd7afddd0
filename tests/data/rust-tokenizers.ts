// Hugging Face's tokenizers, the Rust library, as far as the tests ask it. Its package is not in everybody's
// installation.

import { loadPeer } from '../peers/load-peer.ts';

interface RustTokenizer {
  setPreTokenizer(preTokenizer: object): void;
  train(files: readonly string[]): void;
  save(file: string): void;
  encode(text: string, pair: null, options: { addSpecialTokens: boolean }): Promise<{ getIds(): number[] }>;
}

interface RustTokenizers {
  readonly Tokenizer: {
    new (model: object): RustTokenizer;
    fromString(json: string): RustTokenizer;
  };
  readonly BPE: { empty(): object };
  byteLevelPreTokenizer(addPrefixSpace: boolean, useRegex: boolean): object;
}

/** The library, or null where it is not installed; tests that need it are then skipped. */
export const rustTokenizers = await loadPeer<RustTokenizers>(
  'tokenizers',
  "agreement with Hugging Face's Rust tokenizers",
);
