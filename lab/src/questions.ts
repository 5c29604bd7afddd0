// What the page can ask about the model of the worker, and what the worker answers. Arrays are flat, in the order of
// the shapes beside them. A text is read after the token that ends a document, as in training, and as far as the
// context of the model goes. Shape legend: L positions of a layer.

import type { DraftMark, LayerRouting } from 'tinyseek/more';

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
      /** Texts that end it. */
      readonly stop: readonly string[];
    }
  /** A zip of a Hugging Face folder with the weights as they are now. */
  | { readonly kind: 'zip' };

/** How a token of a continuation came about. */
export interface WrittenToken extends TextToken {
  readonly mark: DraftMark;
  /** What was drafted in its place; null if nothing was. */
  readonly draft: TextToken | null;
}

/** The beginning of a text, as tokens. */
export interface ReadText {
  readonly tokens: readonly TextToken[];
  /** Tokens of the whole text, of which the model may read fewer. */
  readonly total: number;
}

export type Answer =
  | ({ readonly kind: 'routing'; readonly layers: readonly LayerRouting[] } & ReadText)
  | ({ readonly kind: 'attention'; readonly positions: number; readonly weights: Float32Array } & ReadText) // [L, L]
  | {
      readonly kind: 'continuation';
      /** All tokens so far. */
      readonly tokens: readonly WrittenToken[];
      readonly promptTokens: number;
      readonly forwardPasses: number;
      readonly drafted: number;
      readonly accepted: number;
    }
  | { readonly kind: 'zip'; readonly bytes: Uint8Array<ArrayBuffer> };
