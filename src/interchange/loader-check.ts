// Would another program take this model, and compute the same with it?
//
// Each rule is what that program's source does (F 8.3 in `docs/facts.md`, and the versions in `docs/outgrow.md`). Only
// transformers could be run where this was written; the rules of the others come from reading.

import type { ModelConfig } from '../config/model-config.ts';
import type { ExportFormat } from './export-format.ts';
import type { LoaderName } from './loader-names.ts';
import type { Finding, LoaderRule } from './loader-rule.ts';
import { sglangRules } from './sglang-rules.ts';
import { torchtitanRules } from './torchtitan-rules.ts';
import { transformersRules } from './transformers-rules.ts';
import { vllmRules } from './vllm-rules.ts';

const rules: Readonly<Record<LoaderName, readonly LoaderRule[]>> = {
  transformers: transformersRules,
  vllm: vllmRules,
  sglang: sglangRules,
  torchtitan: torchtitanRules,
};

/**
 * What a program would do with a model of this shape: what fails first, notes last. Empty if it simply works.
 *
 * @param format of the weights, which decides what some kernels take; float32 unless it is given.
 */
export function checkLoader(loader: LoaderName, config: ModelConfig, format: ExportFormat = 'F32'): Finding[] {
  const order = ['refused', 'different', 'note'];
  const findings = rules[loader].map((rule) => rule(config, format)).filter((finding) => finding !== undefined);
  return findings.toSorted((a, b) => order.indexOf(a.level) - order.indexOf(b.level));
}
