// What the page can ask about the model of the worker, and what the worker answers. Arrays are flat, in the order of
// the shapes beside them. Shape legend: T tokens, E routed experts, K experts per token.

/** A token of a text. */
export interface TextToken {
  readonly id: number;
  readonly text: string;
}

export type Question =
  /** Where each token of a text goes, layer by layer. */
  | { readonly kind: 'routing'; readonly text: string }
  /** How a head of a layer attends over a text. */
  | { readonly kind: 'attention'; readonly text: string; readonly layer: number; readonly head: number }
  /** A continuation, token by token; with `drafts` the MTP module drafts. Answered in parts. */
  | {
      readonly kind: 'continuation';
      readonly prompt: string;
      readonly maxNewTokens: number;
      readonly temperature: number;
      readonly topP: number;
      readonly seed: number;
      readonly drafts: boolean;
    }
  /** The files of a Hugging Face folder with the weights as they are now. */
  | { readonly kind: 'folder' };

export interface RoutedLayer {
  readonly layer: number;
  /** Affinities before the bias [T, E]. */
  readonly affinities: Float32Array;
  readonly bias: Float32Array; // [E]
  /** The experts that each token goes to [T, K], and those it would go to without the bias. */
  readonly selected: Int32Array;
  readonly unbiased: Int32Array;
  readonly gates: Float32Array; // [T, K]
}

/** How a token of a continuation came about. */
export interface WrittenToken extends TextToken {
  readonly kind: 'plain' | 'kept-draft';
  /** The token that was drafted in its place and refused; null if there was none. */
  readonly refused: TextToken | null;
}

export type Answer =
  | { readonly kind: 'routing'; readonly tokens: readonly TextToken[]; readonly layers: readonly RoutedLayer[] }
  | { readonly kind: 'attention'; readonly tokens: readonly TextToken[]; readonly weights: Float32Array } // [T, T]
  | {
      readonly kind: 'continuation';
      readonly tokens: readonly WrittenToken[];
      readonly promptTokens: number;
      readonly forwardPasses: number;
      readonly drafted: number;
      readonly accepted: number;
    }
  | { readonly kind: 'folder'; readonly files: ReadonlyMap<string, Uint8Array<ArrayBuffer>> };
