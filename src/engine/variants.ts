// The binaries of the engine, and which of them this machine runs fastest.
//
// They differ in the instructions they use and in the shape of the matrix tile. V8's revectorizer joins pairs of
// 128-bit operations to 256-bit ones; it is experimental, must be switched on before a module is compiled, and wants
// the wide tile. So every candidate multiplies some matrices first: one that is wrong is never used, and the fastest of
// the others is.

import { UserError } from '../errors.ts';
import type { Exports } from './exports.ts';
import { type Host, host } from './host.ts';
import { instantiate } from './module.ts';
import { checkBytes, checkKernels, measureSpeed } from './self-check.ts';
import { type Rounding, roundingOf, type VariantName, variantNames } from './variant-names.ts';

/** What the start-up checks found about a variant. */
export interface VariantReport {
  readonly name: VariantName;
  /** Speed on one thread; null if the variant was not tried or is not right. */
  readonly gflops: number | null;
  /** Why it cannot be used, or null. */
  readonly problem: string | null;
}

/** A variant that works here. */
export interface LoadedVariant {
  readonly name: VariantName;
  readonly module: WebAssembly.Module;
  /** All variants that were tried. */
  readonly reports: readonly VariantReport[];
}

/** Gets the binary of a variant, compiled. */
export type CompileVariant = Host['compile'];

interface Candidate {
  readonly name: VariantName;
  readonly module: WebAssembly.Module;
  readonly exports: Exports;
}

/** Compiles a variant and checks it, over memory of its own; says what is wrong with it, if anything is. */
async function tryVariant(name: VariantName, shared: boolean, compile: CompileVariant): Promise<Candidate | string> {
  try {
    const module = await compile(name, shared);
    const pages = checkBytes / 65536;
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared });
    const exports = instantiate(module, memory, () => {});
    return checkKernels(exports, memory) ?? { name, module, exports };
  } catch (error) {
    return error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
  }
}

/** Rounds of timing, odd. Candidates take turns, so a machine that is busy for a while is so for all of them. */
const rounds = 9;

/** GFLOP/s of each candidate, in the middle of all rounds, and how often it was the fastest. */
function timeInTurns(candidates: readonly Candidate[]): { gflops: number; wins: number }[] {
  const speeds = Array.from({ length: rounds }, () => candidates.map(({ exports }) => measureSpeed(exports)));
  return candidates.map((_, i) => ({
    gflops: speeds.map((round) => round[i]!).sort((a, b) => a - b)[rounds >> 1]!,
    wins: speeds.filter((round) => round[i] === Math.max(...round)).length,
  }));
}

/**
 * Tries the variants, or the one that is asked for, or those that round as is asked for, and takes the fastest that is
 * right. Plain SIMD is never faster than relaxed SIMD with the same tile, so it is tried only where that does not work;
 * the wide tile is not compiled for memory that is not shared.
 *
 * @throws UserError when none works: the machine has no SIMD, say.
 */
export async function loadVariant(
  shared: boolean,
  wanted: VariantName | Rounding | null,
  compile: CompileVariant = host().compile,
): Promise<LoadedVariant> {
  const wide = host().prepare() && shared;
  const names = variantNames.filter((name) => {
    if (name === wanted) return true;
    return (wide || name !== 'relaxed-5x16') && (wanted === null || roundingOf(name) === wanted);
  });
  const candidates: Candidate[] = [];
  const problems: VariantReport[] = [];
  for (const name of names) {
    if (name === 'simd-6x8' && candidates.some((candidate) => candidate.name === 'relaxed-6x8')) continue;
    const tried = await tryVariant(name, shared, compile);
    if (typeof tried === 'string') problems.push({ name, gflops: null, problem: tried });
    else candidates.push(tried);
  }
  const times = timeInTurns(candidates);
  const best = candidates[times.findIndex(({ wins }) => wins === Math.max(...times.map((other) => other.wins)))];
  if (best === undefined) {
    const found = problems.map(({ name, problem }) => `${name}: ${problem}`).join('; ');
    throw new UserError(`engine: expected a variant that works here, found ${found}; use --backend wasm`);
  }
  const reports = candidates.map(({ name }, i) => ({ name, gflops: times[i]!.gflops, problem: null }));
  return { name: best.name, module: best.module, reports: [...reports, ...problems] };
}
