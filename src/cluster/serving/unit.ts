// The units that serve: how many GPUs, and how many slots for experts each has.

import { UserError } from '../../errors.ts';
import { range } from '../schedule/range.ts';

export type Phase = 'prefill' | 'decode';

/** Where experts are placed. */
export interface ServingUnit {
  readonly phase: Phase;
  readonly gpus: number;
  readonly nodes: number;
  /** Slots beyond one for each expert. */
  readonly redundant: number;
  /** Experts that every token chooses, placed like the others: the shared one where it is decoded (report 3.4.2). */
  readonly shared: number;
}

const gpusPerNode = 8;

/** Nodes of 8 where they come out even, one otherwise. */
const nodesOf = (gpus: number) => (gpus % gpusPerNode === 0 ? gpus / gpusPerNode : 1);

/**
 * The unit of the report, for a model of E experts.
 *
 * Prefill (3.4.1): 32 GPUs, each with its 8 of 256 experts and one redundant. A model with fewer experts gets as many
 * GPUs as leave at least two experts to each. Decode (3.4.2): one expert a GPU, and 64 GPUs to 256 for the shared
 * expert and for redundant ones: E * 5/4 GPUs.
 *
 * @throws {UserError} for numbers that do not divide, with the nearest that do
 */
export function servingUnit(
  phase: Phase,
  experts: number,
  given: { readonly gpus?: number; readonly redundant?: number } = {},
): ServingUnit {
  return phase === 'prefill' ? prefillUnit(experts, given) : decodeUnit(experts, given);
}

function prefillUnit(experts: number, given: { readonly gpus?: number; readonly redundant?: number }): ServingUnit {
  const divisors = range(experts)
    .map((index) => index + 1)
    .filter((divisor) => experts % divisor === 0);
  const usual = divisors.filter((divisor) => divisor <= Math.min(32, experts / 2)).at(-1) ?? 1;
  const gpus = given.gpus ?? usual;
  if (experts % gpus !== 0)
    fail(`${experts} experts cannot be shared out among ${gpus} GPUs; try ${nearest(divisors, gpus)}`);
  const redundant = given.redundant ?? gpus;
  if (redundant % gpus !== 0)
    fail(
      `${redundant} redundant experts cannot be shared out among ${gpus} GPUs; try ${Math.ceil(redundant / gpus) * gpus}`,
    );
  return { phase: 'prefill', gpus, nodes: nodesOf(gpus), redundant, shared: 0 };
}

function decodeUnit(experts: number, given: { readonly gpus?: number; readonly redundant?: number }): ServingUnit {
  const shared = 1;
  const least = experts + shared;
  const gpus =
    given.gpus ??
    (given.redundant === undefined ? Math.max(least, Math.ceil((experts * 5) / 4)) : least + given.redundant);
  if (gpus < least) fail(`${experts} experts and the shared one need a GPU each, and there are ${gpus}; try ${least}`);
  const redundant = given.redundant ?? gpus - least;
  if (least + redundant !== gpus)
    fail(`${gpus} GPUs have room for ${gpus - least} redundant experts, and not for ${redundant}; try ${gpus - least}`);
  return { phase: 'decode', gpus, nodes: nodesOf(gpus), redundant, shared };
}

function fail(problem: string): never {
  throw new UserError(`serve-plan: ${problem}`);
}

const nearest = (values: readonly number[], wanted: number) =>
  values.reduce((best, one) => (Math.abs(one - wanted) < Math.abs(best - wanted) ? one : best));
