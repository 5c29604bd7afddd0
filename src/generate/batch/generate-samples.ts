// Several continuations of one prompt, and what they cost.

import type { GenerationEnd, GenerationRequest, GenerationStatistics, Generator } from './generator.ts';

export interface TextSample {
  readonly text: string;
  readonly ids: readonly number[];
  readonly seed: number;
  readonly finishReason: GenerationEnd['finishReason'];
  readonly statistics: GenerationStatistics;
}

export interface SampleSet {
  readonly samples: readonly TextSample[];
  /** Tokens per second of all samples together, after the first token; null if there is only that one. */
  readonly tokensPerSecond: number | null;
  /** The longest time until a sample's first token. */
  readonly prefillSeconds: number;
  /** Tokens of all samples, and the passes of the main model they were chosen from, counted for each sample. */
  readonly newTokens: number;
  readonly forwardPasses: number;
  /** Share of the drafts that were kept; null where none were made. */
  readonly acceptanceRate: number | null;
}

/** Is called with new text and the number of its sample. */
export type TextListener = (text: string, sample: number) => void;

/**
 * Continues a prompt `n` times, with the seeds `seed`, `seed + 1`, ... They run at once where the generator has slots
 * for them, and the prompt is read once then.
 *
 * @throws UserError as `Generator.submit` does.
 */
export async function generateSamples(
  generator: Generator,
  request: GenerationRequest,
  n = 1,
  onText: TextListener = () => {},
): Promise<SampleSet> {
  let firstTokenAt = 0;
  const samples = await Promise.all(
    Array.from({ length: n }, (_, i) => {
      const sampling = { ...request.sampling, seed: request.sampling.seed + i };
      return follow(generator, { ...request, sampling }, (text) => {
        firstTokenAt ||= performance.now();
        onText(text, i);
      });
    }),
  );
  return summarize(samples, (performance.now() - firstTokenAt) / 1000);
}

async function follow(
  generator: Generator,
  request: GenerationRequest,
  onText: (text: string) => void,
): Promise<TextSample> {
  const ids: number[] = [];
  let text = '';
  for await (const event of generator.submit(request)) {
    text += event.text;
    onText(event.text);
    if (event.type === 'token') ids.push(event.id);
    else if (event.type === 'end') {
      const { finishReason, statistics } = event;
      return { text, ids, seed: request.sampling.seed, finishReason, statistics };
    }
  }
  throw new Error('internal: a generation without an end');
}

function summarize(samples: readonly TextSample[], seconds: number): SampleSet {
  const sum = (key: 'newTokens' | 'forwardPasses' | 'drafted' | 'accepted') =>
    samples.reduce((total, { statistics }) => total + statistics[key], 0);
  const [newTokens, drafted] = [sum('newTokens'), sum('drafted')];
  return {
    samples,
    tokensPerSecond: newTokens > 1 ? (newTokens - 1) / seconds : null,
    prefillSeconds: Math.max(...samples.map(({ statistics }) => statistics.prefillSeconds)),
    newTokens,
    forwardPasses: sum('forwardPasses'),
    acceptanceRate: drafted > 0 ? sum('accepted') / drafted : null,
  };
}
