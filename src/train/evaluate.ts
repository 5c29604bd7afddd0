// Evaluation on held-out text: loss, perplexity, bits per byte, MTP loss per depth, expert load; per domain and in all.
//
// Each batch's mean loss is weighted by the number of its labels, or by the sum of their weights, so the shapes of the
// batches make no difference. A token costs nats and stands for `byteLength` bytes. End-of-document tokens cost nats
// and stand for no bytes, so bits per byte are those of the text itself and can be compared between tokenizers.
//
// The model does not change: no gradient is computed, and no bias moves (B7).

import type { TrainConfig } from '../config/train-config.ts';
import type { Batch, Dataset, Tokenizer } from '../data/types.ts';
import type { DeepseekV3ForCausalLM } from '../model/causal-lm.ts';
import { loadStatistics } from '../moe/load.ts';
import { tf } from '../tensor/tf.ts';
import { layerLoad } from './balance-experts.ts';
import type { EvalResult, LayerLoad } from './events.ts';
import { computeLoss } from './loss.ts';
import { mean } from './metrics.ts';
import { countLabelBytes, countLabels, lossInput } from './micro-batch.ts';
import { packReport, unpackReport } from './step-report.ts';

export interface EvaluateOptions {
  readonly batchSize: number;
  /** As in training: attention and labels stay inside a document. */
  readonly documentMask: TrainConfig['documentMask'];
  /** Stop each domain after the batch that reaches this many tokens; absent: read all of it. */
  readonly maxTokensPerDomain?: number;
  /** Ends the evaluation early, without a result. */
  readonly signal?: AbortSignal | undefined;
}

/** Sums over the labels of some text. */
interface Tally {
  readonly tokens: number;
  readonly bytes: number;
  readonly nats: number;
  /** Labels and nats of each MTP depth. */
  readonly mtp: readonly { readonly labels: number; readonly nats: number }[];
  /** Selections per expert, by layer. */
  readonly counts: ReadonlyMap<number, readonly number[]>;
}

/** Evaluates on the held-out part of every domain; null when `signal` ended it. */
export async function evaluate(
  model: DeepseekV3ForCausalLM,
  dataset: Pick<Dataset, 'domains' | 'heldOutBatches' | 'tokenizer'>,
  options: EvaluateOptions,
): Promise<EvalResult | null> {
  const biases = await readBiases(model);
  const tallies: Tally[] = [];
  for (const domain of dataset.domains.keys()) {
    const tally = await evaluateDomain(model, dataset, domain, options);
    if (tally === null) return null;
    tallies.push(tally);
  }
  const all = tallies.reduce(addTallies);
  return {
    ...summarize(all),
    perplexity: Math.exp(all.nats / all.tokens),
    mtpLoss: all.mtp.map(({ nats, labels }) => nats / labels),
    ...globalBalance(all),
    domains: tallies.map((tally, i) => ({
      name: dataset.domains[i] ?? String(i),
      ...summarize(tally),
      load: loadsOf(tally, biases),
    })),
  };
}

/** Means over MoE layers of the imbalance of all loads counted; zeros for a model without such layers. */
function globalBalance({ counts }: Tally): Pick<EvalResult, 'maxVioGlobal' | 'avgVioGlobal'> {
  const layers = [...counts.values()].map(loadStatistics);
  if (layers.length === 0) return { maxVioGlobal: 0, avgVioGlobal: 0 };
  return {
    maxVioGlobal: mean(layers.map((layer) => layer.maxVio)),
    avgVioGlobal: mean(layers.map((layer) => layer.avgVio)),
  };
}

async function evaluateDomain(
  model: DeepseekV3ForCausalLM,
  dataset: Pick<Dataset, 'heldOutBatches' | 'tokenizer'>,
  domain: number,
  options: EvaluateOptions,
): Promise<Tally | null> {
  const { batchSize, maxTokensPerDomain, documentMask, signal } = options;
  let sum: Tally | null = null;
  for (const batch of dataset.heldOutBatches(domain, batchSize, maxTokensPerDomain)) {
    await tf.nextFrame(); // lets signal handlers run
    if (signal?.aborted) return null;
    const tally = await evaluateBatch(model, batch, dataset.tokenizer, documentMask);
    sum = sum === null ? tally : addTallies(sum, tally);
  }
  if (sum === null) throw new Error(`internal: domain ${domain} has no held-out text`);
  return sum;
}

async function evaluateBatch(
  model: DeepseekV3ForCausalLM,
  batch: Batch,
  tokenizer: Tokenizer,
  documentMask: boolean,
): Promise<Tally> {
  const weights = { mtpWeight: 0, balancing: 'none', balanceLossFactor: 0 } as const;
  const packed = tf.tidy(() => packReport(computeLoss(model, lossInput(batch, documentMask), weights), model));
  const report = unpackReport(await packed.data(), model);
  packed.dispose();
  const tokens = countLabels(batch, 0, documentMask);
  return {
    tokens,
    bytes: countLabelBytes(batch, documentMask, tokenizer),
    nats: report.main * tokens,
    mtp: report.mtp.map((loss, depth) => {
      const labels = countLabels(batch, depth + 1, documentMask);
      return { labels, nats: labels * loss };
    }),
    counts: report.counts,
  };
}

function addTallies(a: Tally, b: Tally): Tally {
  return {
    tokens: a.tokens + b.tokens,
    bytes: a.bytes + b.bytes,
    nats: a.nats + b.nats,
    mtp: a.mtp.map(({ labels, nats }, i) => ({
      labels: labels + (b.mtp[i]?.labels ?? 0),
      nats: nats + (b.mtp[i]?.nats ?? 0),
    })),
    counts: new Map([...a.counts].map(([layer, c]) => [layer, c.map((n, i) => n + (b.counts.get(layer)?.[i] ?? 0))])),
  };
}

function summarize({ nats, tokens, bytes }: Tally): Pick<EvalResult, 'loss' | 'bitsPerByte' | 'tokens'> {
  return { loss: nats / tokens, bitsPerByte: nats / Math.LN2 / bytes, tokens };
}

function loadsOf(tally: Tally, biases: ReadonlyMap<number, ArrayLike<number>>): LayerLoad[] {
  return [...tally.counts].map(([layer, counts]) => layerLoad(layer, counts, biases.get(layer) ?? []));
}

async function readBiases(model: DeepseekV3ForCausalLM): Promise<Map<number, ArrayLike<number>>> {
  const biases = new Map<number, ArrayLike<number>>();
  for (const [layer, bias] of model.expertBiases) biases.set(layer, await bias.data());
  return biases;
}
