// A mixture-of-experts feed-forward: router (who), dispatch (where), experts (what), plus the shared experts.
// Shape legend: B batch, T tokens, N = B*T, D hiddenSize, E routed experts, K experts per token.

import type { ModelConfig } from '../config/model-config.ts';
import { SwiGluMlp } from '../layers/mlp.ts';
import { float32Products, type Products } from '../ops/products.ts';
import { routeTokens } from '../ops/router.ts';
import type { ParameterStore } from '../tensor/parameters.ts';
import { add, reshape } from '../tensor/plain-ops.ts';
import { tf } from '../tensor/tf.ts';
import { createExperts, type ExpertWeights } from './experts.ts';

/** What a layer decided in one forward pass: all that balancing needs to know. */
export interface RoutingRecord {
  /** Layer index; MTP modules follow the main layers. */
  readonly layer: number;
  /** Router logits [N, E], on the tape. */
  readonly logits: tf.Tensor2D;
  /** Selected experts [N, K] int32. */
  readonly topkIndices: tf.Tensor2D;
  /** Sequences in the batch: N is `sequences` times tokens per sequence. */
  readonly sequences: number;
}

/** How tokens are routed and multiplied. */
export interface MoeParts {
  readonly products: Products;
  readonly route: typeof routeTokens;
}

const moeParts: MoeParts = { products: float32Products, route: routeTokens };

/** DeepSeekMoE (arXiv:2412.19437 section 2.1.2): every token gets the shared experts and K of the routed ones. */
export class MixtureOfExperts {
  readonly gate: tf.Variable<tf.Rank.R2>;
  /** Selection bias; the trainer moves it, no gradient does. */
  readonly eScoreCorrectionBias: tf.Variable<tf.Rank.R1>;
  readonly experts: ExpertWeights;
  readonly sharedExperts: SwiGluMlp | null;
  readonly #config: ModelConfig;
  readonly layer: number;
  readonly #parts: MoeParts;

  constructor(store: ParameterStore, name: string, config: ModelConfig, layer: number, parts: MoeParts = moeParts) {
    const { hiddenSize: D, nRoutedExperts: E, nSharedExperts, moeIntermediateSize: F } = config;
    this.#config = config;
    this.#parts = parts;
    this.layer = layer;
    this.gate = store.weight(`${name}.gate.weight`, [E, D]);
    const neutral = config.expertBiasForm === 'additive' ? 0 : 1;
    this.eScoreCorrectionBias = store.buffer(`${name}.gate.e_score_correction_bias`, E, neutral);
    this.experts = createExperts(store, `${name}.experts`, E, F, D);
    this.sharedExperts =
      nSharedExperts > 0 ? new SwiGluMlp(store, `${name}.shared_experts`, D, nSharedExperts * F, parts.products) : null;
  }

  /** Shapes: x [B, T, D] -> [B, T, D]; tells `record` what was decided. */
  apply(x: tf.Tensor3D, record: (decision: RoutingRecord) => void): tf.Tensor3D {
    const [B, T, D] = x.shape;
    const flat: tf.Tensor2D = reshape(x, [B * T, D]);
    const logits: tf.Tensor2D = tf.matMul(flat, this.gate as tf.Tensor2D, false, true); // [N, E]
    const routing = this.#parts.route(logits, this.eScoreCorrectionBias, this.#config);
    record({ layer: this.layer, logits, topkIndices: routing.topkIndices, sequences: B });
    const { gateUpProj, downProj } = this.experts;
    const routed = this.#parts.products.experts(flat, routing, gateUpProj, downProj);
    const out = this.sharedExperts === null ? routed : add(routed, this.sharedExperts.apply(flat));
    return reshape(out, [B, T, D]);
  }
}
