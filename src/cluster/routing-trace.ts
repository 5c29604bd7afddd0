// Which experts the tokens of real text chose: what traffic and serving plans are simulated with.

import * as z from 'zod';
import type { ModelConfig } from '../config/model-config.ts';
import { UserError } from '../errors.ts';
import { range } from './schedule/range.ts';

/** The choices of one domain's text: tokens in the order of the text, the same in every layer. */
export interface TracedText {
  readonly domain: string;
  readonly choices: readonly (readonly (readonly number[])[])[]; // [L][N][K]
}

export interface RoutingTrace {
  readonly format: 'tinyseek-routing-1';
  /** Routed experts, and how many of them a token chooses. */
  readonly experts: number;
  readonly expertsPerToken: number;
  /** Groups of experts, and how many of them a token may choose from. */
  readonly groups: number;
  readonly groupsPerToken: number;
  /** The indices of the layers with experts. */
  readonly layers: readonly number[]; // [L]
  readonly texts: readonly TracedText[];
}

const count = z.int().min(1).max(65_536);

const schema = z.object({
  format: z.literal('tinyseek-routing-1'),
  experts: count,
  expertsPerToken: count,
  groups: count,
  groupsPerToken: count,
  layers: z.array(z.int().min(0)).min(1),
  texts: z.array(z.object({ domain: z.string(), choices: z.array(z.array(z.array(z.int().min(0)))) })).min(1),
});

/**
 * Checks a trace that was read from a file; `where` names it.
 *
 * @throws {UserError} for another kind of file, or choices that cannot be
 */
export function parseRoutingTrace(value: unknown, where: string): RoutingTrace {
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new UserError(
      `trace: ${where} is not a routing trace (${issue?.path.join('.') || 'the file'}: ${issue?.message}); ` +
        'record one with `tinyseek cluster trace`',
    );
  }
  const trace = parsed.data;
  for (const { domain, choices } of trace.texts) {
    const tokens = choices[0]?.length ?? 0;
    const isWhole =
      tokens > 0 && choices.length === trace.layers.length && choices.every((layer) => layer.length === tokens);
    const isPossible = choices.every((layer) =>
      layer.every((chosen) => chosen.length === trace.expertsPerToken && chosen.every((one) => one < trace.experts)),
    );
    if (isWhole && isPossible) continue;
    throw new UserError(
      `trace: ${where}: the choices of ${JSON.stringify(domain)} are not ${trace.expertsPerToken} of ` +
        `${trace.experts} experts for the same tokens in ${trace.layers.length} layers; record it again`,
    );
  }
  return trace;
}

/** @throws {UserError} if the trace is one of another model */
export function requireSameModel({ experts, expertsPerToken }: RoutingTrace, model: ModelConfig): void {
  const { nRoutedExperts, numExpertsPerTok } = model;
  if (experts === nRoutedExperts && expertsPerToken === numExpertsPerTok) return;
  throw new UserError(
    `trace: it is of a model with ${expertsPerToken} of ${experts} experts a token, and this one has ` +
      `${numExpertsPerTok} of ${nRoutedExperts}; choose the model of the trace with --preset, --config or --set`,
  );
}

/** How often each expert was chosen: [L][E]. */
export function expertCounts(choices: TracedText['choices'], experts: number): number[][] {
  return choices.map((layer) => {
    const counts = range(experts).map(() => 0);
    for (const expert of layer.flat()) counts[expert]!++;
    return counts;
  });
}
