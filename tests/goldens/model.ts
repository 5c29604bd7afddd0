// Builds our model from a golden case: checkpoint names and per-expert tensors become those in memory.

import { fromHuggingFaceConfig } from '../../src/config/huggingface.ts';
import { DeepseekV3ForCausalLM } from '../../src/model/causal-lm.ts';
import type { NamedTensor } from '../../src/tensor/named-tensor.ts';
import type { Golden, GoldenTensor } from './load.ts';

/** A model with the weights of the case. */
export function goldenModel(golden: Golden, overrides: Record<string, unknown> = {}): DeepseekV3ForCausalLM {
  const model = new DeepseekV3ForCausalLM(fromHuggingFaceConfig({ ...golden.config, ...overrides }), 0);
  const names = [...model.parameters, ...biases(model)].map(([name, { shape }]) => ({ name, shape }));
  model.importTensors(names.map(({ name, shape }) => ({ name, shape, data: inMemory(golden.weights, name) })));
  return model;
}

/** One value per parameter of the model, read from tensors under checkpoint names. */
export function inMemory(tensors: ReadonlyMap<string, GoldenTensor>, name: string, prefix = ''): Float32Array {
  const stacked = /^(.*\.mlp\.experts)\.(gate_up_proj|down_proj)$/.exec(name);
  if (stacked === null) return tensorOf(tensors, prefix + name).data;
  const [, base, kind] = stacked;
  const parts: Float32Array[] = [];
  for (let e = 0; tensors.has(`${prefix}${base}.${e}.down_proj.weight`); e++) {
    for (const part of kind === 'down_proj' ? ['down_proj'] : ['gate_proj', 'up_proj']) {
      parts.push(tensorOf(tensors, `${prefix}${base}.${e}.${part}.weight`).data);
    }
  }
  return Float32Array.from(parts.flatMap((part) => [...part]));
}

function tensorOf(tensors: ReadonlyMap<string, GoldenTensor>, name: string): GoldenTensor {
  const tensor = tensors.get(name);
  if (tensor === undefined) throw new Error(`golden: no tensor ${name}`);
  return tensor;
}

function biases(model: DeepseekV3ForCausalLM): [string, Pick<NamedTensor, 'shape'>][] {
  return [...model.expertBiases].map(([layer, bias]) => [
    `model.layers.${layer}.mlp.gate.e_score_correction_bias`,
    bias,
  ]);
}
