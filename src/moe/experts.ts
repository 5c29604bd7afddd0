// The weights of the experts of a layer.
// Shape legend: E experts, D hiddenSize, F moeIntermediateSize.

import type { ParameterStore } from '../tensor/parameters.ts';
import type { tf } from '../tensor/tf.ts';

/** The weights of all routed experts of a layer, stacked as transformers 5 holds them in memory. */
export interface ExpertWeights {
  /** [E, 2F, D]: for each expert, F rows of `gate_proj` and then F rows of `up_proj`. */
  readonly gateUpProj: tf.Variable<tf.Rank.R3>;
  /** [E, D, F]. */
  readonly downProj: tf.Variable<tf.Rank.R3>;
}

/** Creates the weights of the routed experts of one layer. */
export function createExperts(store: ParameterStore, name: string, E: number, F: number, D: number): ExpertWeights {
  return {
    gateUpProj: store.weight(`${name}.gate_up_proj`, [E, 2 * F, D]),
    downProj: store.weight(`${name}.down_proj`, [E, D, F]),
  };
}
