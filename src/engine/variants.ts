// The binaries of the engine, and which of them this machine runs fastest.
//
// They differ in the instructions they use and in the shape of the matrix tile. V8's revectorizer joins pairs of 128-bit
// operations to 256-bit ones; it is experimental, must be switched on before a module is compiled, and wants the wide
// tile. So every candidate multiplies some matrices first: one that is wrong is never used, and the fastest of the
// others is.

import { UserError } from '../errors.ts';
import { type Exports, instantiate } from './module.ts';
import { checkKernels, measureSpeed } from './self-check.ts';
import { type VariantName, variantNames } from './variant-names.ts';

/** What was found out about a variant at start-up. */
export interface VariantReport {
  readonly name: VariantName;
  /** On one thread; null if it was not tried or is not right. */
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

const isNode = typeof process !== 'undefined' && process.versions?.node !== undefined;

/**
 * Switches on what V8 has behind flags: relaxed SIMD in Node 20 and 21, the revectorizer from Node 24 on.
 *
 * An unknown flag prints an error, so only versions that are known to have them are asked.
 */
async function setFlags(): Promise<void> {
  if (!isNode) return;
  const major = Number(process.versions.node.split('.')[0]);
  const flag =
    major < 22
      ? '--experimental-wasm-relaxed-simd'
      : major >= 24 && major <= 26
        ? '--experimental-wasm-revectorize'
        : null;
  if (flag === null) return;
  const v8 = await import('node:v8');
  v8.setFlagsFromString(flag);
}

/** The binary of a variant, compiled. */
async function compile(name: VariantName, shared: boolean): Promise<WebAssembly.Module> {
  const url = new URL(`./wasm/${name}${shared ? '' : '-unshared'}.wasm`, import.meta.url);
  if (!isNode) return WebAssembly.compileStreaming(fetch(url));
  const { readFile } = await import('node:fs/promises');
  return WebAssembly.compile(await readFile(url));
}

/** Memory for the checks alone: instances of two variants cannot live in one memory. */
const probeMemory = (shared: boolean) => new WebAssembly.Memory({ initial: 32, maximum: 32, shared });

async function tryVariant(name: VariantName, shared: boolean) {
  try {
    const module = await compile(name, shared);
    const memory = probeMemory(shared);
    const exports: Exports = instantiate(module, memory, () => {});
    const problem = checkKernels(exports, memory);
    return { module, report: { name, gflops: problem === null ? measureSpeed(exports, memory) : null, problem } };
  } catch (error) {
    const problem = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
    return { module: null, report: { name, gflops: null, problem } };
  }
}

/**
 * Tries all variants, or the one that is asked for, and takes the fastest that is right.
 *
 * Throws a `UserError` when none works: the machine has no SIMD, say.
 */
export async function loadVariant(shared: boolean, wanted: VariantName | null): Promise<LoadedVariant> {
  await setFlags();
  // The wide tile needs registers that only the revectorizer has, which a page cannot switch on.
  const names = variantNames.filter((name) => (wanted === null ? shared || name !== 'relaxed-5x16' : name === wanted));
  const tried = [];
  for (const name of names) tried.push(await tryVariant(name, shared));
  const reports = tried.map(({ report }) => report);
  const best = tried.reduce((a, b) => ((b.report.gflops ?? 0) > (a.report.gflops ?? 0) ? b : a));
  if (best.module === null || best.report.problem !== null) {
    const found = reports.map(({ name, problem }) => `${name}: ${problem}`).join('; ');
    throw new UserError(`engine: expected a variant that works here, found ${found}; use --backend wasm`);
  }
  return { name: best.report.name, module: best.module, reports };
}
