// Requests with their usual parts, and everything that comes of one.

import type {
  GeneratedToken,
  GenerationEnd,
  GenerationEvent,
  GenerationRequest,
} from '../../src/generate/batch/generator.ts';
import { defaultSampling, type SamplingOptions } from '../../src/generate/sampling/sampling.ts';

export const greedy: SamplingOptions = { ...defaultSampling, temperature: 0, topK: 0 };

export function requestOf(promptIds: readonly number[], changes: Partial<GenerationRequest> = {}): GenerationRequest {
  return { promptIds, maxNewTokens: 13, sampling: greedy, stop: [], topLogprobs: null, ...changes };
}

export interface Collected {
  readonly ids: number[];
  readonly text: string;
  readonly tokens: GeneratedToken[];
  readonly end: GenerationEnd;
}

export async function collect(events: AsyncIterable<GenerationEvent>): Promise<Collected> {
  const tokens: GeneratedToken[] = [];
  for await (const event of events) {
    if (event.type === 'token') tokens.push(event);
    else if (event.type === 'end') {
      const text = tokens.map((token) => token.text).join('') + event.text;
      return { ids: tokens.map(({ id }) => id), text, tokens, end: event };
    }
  }
  throw new Error('the events ended without an end');
}
