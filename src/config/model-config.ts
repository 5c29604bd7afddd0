// The shape of a model: one flat, read-only record of plain data.
//
// Keys are those of Hugging Face's `config.json` for `deepseek_v3`, camelCased mechanically (`kv_lora_rank` is
// `kvLoraRank`). The three keys at the end are ours: Hugging Face's implementation fixes what they choose.

/** YaRN context extension (arXiv 2309.00071) as the released weights use it; see F 6.5 in `docs/facts.md`. */
export interface YarnScaling {
  readonly type: 'yarn';
  readonly factor: number;
  readonly originalMaxPositionEmbeddings: number;
  readonly betaFast: number;
  readonly betaSlow: number;
  /** Coefficients of the temperature of the rotary tables and of the logits; 0 is none (transformers: or absent). */
  readonly mscale: number;
  readonly mscaleAllDim: number;
  /** Factor on the rotary tables; absent: what the two coefficients give. */
  readonly attentionFactor?: number | undefined;
  /** Whether the ramp between frequencies begins and ends at whole channels; absent: it does. */
  readonly truncate?: boolean | undefined;
}

/** Position interpolation (arXiv 2306.15595): every frequency is divided by the factor. The control for YaRN. */
export interface LinearScaling {
  readonly type: 'linear';
  readonly factor: number;
  /** Not in a `config.json`, where it is `max_position_embeddings` divided by the factor. */
  readonly originalMaxPositionEmbeddings: number;
}

/** How rotary positions reach beyond the length that a model was trained at. */
export type RopeScaling = YarnScaling | LinearScaling;

/** The shape of a DeepSeek-V3 model. Symbols in brackets are the report's (arXiv 2412.19437). */
export interface ModelConfig {
  /** Size of the vocabulary (V), special tokens included. */
  readonly vocabSize: number;
  /** Width of the residual stream (d). */
  readonly hiddenSize: number;
  /** Width of the SwiGLU of the dense layers. */
  readonly intermediateSize: number;
  /** Width of the SwiGLU of one expert. */
  readonly moeIntermediateSize: number;
  /** Transformer layers of the main model; MTP modules come on top. */
  readonly numHiddenLayers: number;
  /** Attention heads (n_h). */
  readonly numAttentionHeads: number;
  /** Width of the compressed query (d'_c), or null for an uncompressed query. */
  readonly qLoraRank: number | null;
  /** Width of the compressed key/value latent (d_c): what a cache holds, next to the rotary key. */
  readonly kvLoraRank: number;
  /** Per-head width of the query and key part without position (d_h). */
  readonly qkNopeHeadDim: number;
  /** Width of the rotary part (d_h^R): a head of its own for each query, one shared head for the keys. Even. */
  readonly qkRopeHeadDim: number;
  /** Per-head width of the values. */
  readonly vHeadDim: number;
  /** Routed experts per MoE layer (N_r). */
  readonly nRoutedExperts: number;
  /** Shared experts (N_s), built as one SwiGLU of width `nSharedExperts * moeIntermediateSize`. */
  readonly nSharedExperts: number;
  /** Routed experts that each token visits (K_r). */
  readonly numExpertsPerTok: number;
  /** Groups ("nodes") the routed experts are divided into. */
  readonly nGroup: number;
  /** Groups a token may visit (M). */
  readonly topkGroup: number;
  /** Whether the gates of the selected experts are normalised to sum to one before scaling. */
  readonly normTopkProb: boolean;
  /** Factor on the gates after normalisation (2.5 in the released model; absent from the report's equations). */
  readonly routedScalingFactor: number;
  /** How router logits become affinities. */
  readonly scoringFunc: 'sigmoid' | 'softmax';
  /** Leading layers that keep a dense SwiGLU instead of a mixture of experts. */
  readonly firstKDenseReplace: number;
  /** Depth of multi-token prediction (D): 0 turns it off. */
  readonly numNextnPredictLayers: number;
  /** Longest sequence, in tokens. */
  readonly maxPositionEmbeddings: number;
  readonly ropeTheta: number;
  readonly ropeScaling: RopeScaling | null;
  /** Rotary pairs are neighbouring channels (released weights) rather than the two halves of the slice. */
  readonly ropeInterleave: boolean;
  readonly rmsNormEps: number;
  /** Standard deviation of the normal initialisation. */
  readonly initializerRange: number;
  readonly bosTokenId: number | null;
  readonly eosTokenId: number | null;
  /** Order in the input of `eh_proj`: the released weights put the embedding first, the report the hidden state. */
  readonly mtpConcatOrder: 'embedding-first' | 'hidden-first';
  /** Hidden state an MTP module reads: after the final norm (released weights) or before it. */
  readonly mtpHiddenState: 'post-norm' | 'pre-norm';
  /** How the balancing bias enters selection: `score + bias` (the report) or `score * bias` (an ablation of ALF). */
  readonly expertBiasForm: 'additive' | 'multiplicative';
}
