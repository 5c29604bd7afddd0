// How fast a checkpoint writes on held-out text of each domain, plainly and with drafts of its MTP module.

import type { Dataset, Tokenizer } from '../data/types.ts';
import type { WeightFormat } from '../engine/weight-formats.ts';
import { UserError } from '../errors.ts';
import { createGenerator } from '../generate/batch/batch-generator.ts';
import { generateSamples } from '../generate/batch/generate-samples.ts';
import { createDecoder } from '../generate/decoder/create-decoder.ts';
import { defaultSampling, type SamplingOptions } from '../generate/sampling/sampling.ts';
import type { DeepseekV3ForCausalLM } from '../model/causal-lm.ts';
import type { GpuWork } from '../webgpu/commands.ts';
import { runningWebGpu } from '../webgpu/running.ts';

/** What a token asks of the GPU, prompts included. */
type WorkPerToken = Pick<GpuWork, 'dispatches' | 'submits' | 'readbacks'>;

/** One way of decoding, over all prompts of a domain, and on WebGPU what it asks of the GPU. */
export interface DecodingCost extends Partial<WorkPerToken> {
  readonly tokensPerSecond: number;
  readonly newTokens: number;
  readonly forwardPasses: number;
  /** Share of the drafts that were kept; null without drafts. */
  readonly acceptanceRate: number | null;
}

export interface DomainGeneration {
  readonly domain: string;
  readonly plain: DecodingCost;
  readonly speculative: DecodingCost;
}

export interface GenerationBenchOptions {
  /** Tokens of each prompt, and of each continuation. */
  readonly promptTokens: number;
  readonly newTokens: number;
  readonly prompts: number;
  readonly drafts: number;
  readonly temperature: number;
  readonly weights: WeightFormat;
}

/**
 * Continues prompts from the held-out text of each domain, one after the other, each plainly and with drafts in turn.
 *
 * @throws UserError when a domain has too little held-out text, or the model no MTP module.
 */
export async function benchGeneration(
  model: DeepseekV3ForCausalLM,
  dataset: Pick<Dataset, 'tokenizer' | 'domains' | 'heldOutText'>,
  options: GenerationBenchOptions,
): Promise<DomainGeneration[]> {
  const { tokenizer, domains } = dataset;
  const results: DomainGeneration[] = [];
  for (const [index, domain] of domains.entries()) {
    const prompts = choosePrompts(tokenizer.encode(dataset.heldOutText(index)), options, domain);
    results.push({ domain, ...(await benchDomain(model, tokenizer, prompts, options)) });
  }
  return results;
}

/** Pieces of the text at equal distances. */
function choosePrompts(ids: Int32Array, { promptTokens, prompts }: GenerationBenchOptions, domain: string): number[][] {
  if (ids.length < promptTokens * prompts) {
    throw new UserError(
      `bench: ${domain} has ${ids.length} tokens of held-out text, too few for ${prompts} prompts of ${promptTokens}; ask for fewer`,
    );
  }
  const distance = Math.floor(ids.length / prompts);
  return Array.from({ length: prompts }, (_, i) => [...ids.subarray(i * distance, i * distance + promptTokens)]);
}

async function benchDomain(
  model: DeepseekV3ForCausalLM,
  tokenizer: Tokenizer,
  prompts: readonly number[][],
  { drafts, newTokens, promptTokens, temperature, weights }: GenerationBenchOptions,
) {
  const sampling: SamplingOptions = { ...defaultSampling, temperature };
  const capacity = Math.min(promptTokens + newTokens, model.config.maxPositionEmbeddings);
  const ways = [0, drafts].map((k) => {
    const decoder = createDecoder(model, { capacity, drafts: k > 0, weights });
    return { generator: createGenerator(decoder, tokenizer, { drafts: k }), total: createTotal() };
  });
  // The end-of-sequence token ends a text early; the prompt after it is as good.
  const run = (way: (typeof ways)[number], promptIds: readonly number[]) =>
    generateSamples(way.generator, { promptIds, maxNewTokens: newTokens, sampling, stop: [], topLogprobs: null });
  try {
    for (const way of ways) await warmUp(() => run(way, prompts[0]!));
    for (const prompt of prompts) {
      for (const way of ways) {
        const before = workNow();
        const { samples } = await run(way, prompt);
        way.total.add(samples[0]!.statistics, before, workNow());
      }
    }
  } finally {
    for (const { generator } of ways) await generator.dispose();
  }
  const [plain, speculative] = ways.map(({ total }) => total.cost());
  return { plain: plain!, speculative: speculative! };
}

const warmUpMilliseconds = 500;

/** Until V8 has optimised. */
async function warmUp(run: () => Promise<unknown>): Promise<void> {
  const end = performance.now() + warmUpMilliseconds;
  do await run();
  while (performance.now() < end);
}

type Statistics = Awaited<ReturnType<typeof generateSamples>>['samples'][number]['statistics'];

/** What has been asked of the GPU so far; null where the active backend is not WebGPU. */
function workNow(): WorkPerToken | null {
  const work = runningWebGpu()?.work;
  return work === undefined ? null : { ...work };
}

const workKeys = ['dispatches', 'submits', 'readbacks'] as const;

function createTotal() {
  const all: Statistics[] = [];
  const work = { dispatches: 0, submits: 0, readbacks: 0 };
  let isOnGpu = false;
  const sum = (value: (statistics: Statistics) => number) => all.reduce((total, one) => total + value(one), 0);
  return {
    add: (statistics: Statistics, before: WorkPerToken | null, after: WorkPerToken | null): void => {
      all.push(statistics);
      if (before === null || after === null) return;
      isOnGpu = true;
      for (const key of workKeys) work[key] += after[key] - before[key];
    },
    cost: (): DecodingCost => {
      const drafted = sum((one) => one.drafted);
      const newTokens = sum((one) => one.newTokens);
      const perToken = workKeys.map((key) => [key, work[key] / newTokens] as const);
      return {
        // The first token comes with the prefill.
        tokensPerSecond: sum((one) => one.newTokens - 1) / sum((one) => one.decodeSeconds),
        newTokens,
        forwardPasses: sum((one) => one.forwardPasses),
        acceptanceRate: drafted === 0 ? null : sum((one) => one.accepted) / drafted,
        ...(isOnGpu ? Object.fromEntries(perToken) : {}),
      };
    },
  };
}
