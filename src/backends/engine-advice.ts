// Whether the engine reaches its full speed on this version of Node, and if not, which version to use.

import { flagFor } from '../engine/node-host.ts';
import type { LoadedVariant } from '../engine/variants.ts';

/** The properties of the runtime by which `flagFor` decides. */
export interface Runtime {
  readonly version: string;
  readonly arch: string;
  readonly builtWith: Readonly<Record<string, unknown>>;
}

const thisRuntime = (): Runtime => ({
  version: process.versions.node,
  arch: process.arch,
  builtWith: process.config.variables as unknown as Record<string, unknown>,
});

const digits = (gflops: number | null) => gflops?.toPrecision(3) ?? '?';

/** Why relaxed SIMD (fused multiplication and addition) is not used; null if it is. */
function withoutRelaxedSimd({ name, reports }: LoadedVariant): string | null {
  if (name.startsWith('relaxed')) return null;
  const relaxed = reports.find((report) => report.name === 'relaxed-6x8');
  if (relaxed === undefined) return 'relaxed SIMD is not used, because it was not asked for';
  if (relaxed.problem === null) return 'relaxed SIMD is not used, because it is slower here';
  return `relaxed SIMD is not used (${relaxed.problem}); Node 24 would help`;
}

/** Whether V8 can join pairs of SIMD operations to 256 bits, or the processor has no such operations. */
function isWideEnough({ version, arch, builtWith }: Runtime): boolean {
  return arch !== 'x64' || flagFor(version, arch, builtWith)?.includes('revectorize') === true;
}

/**
 * Why V8 does not join pairs of SIMD operations to 256 bits; null if it does, or the processor has no such operations.
 */
function withoutRevectorizer({ name, reports }: LoadedVariant, runtime: Runtime): string | null {
  if (name === 'relaxed-5x16' || runtime.arch !== 'x64') return null;
  const what = '256-bit SIMD is not used';
  if (!isWideEnough(runtime)) {
    return `${what}: V8 of this Node (${runtime.version}) has no revectorizer; a release of Node 24 would help`;
  }
  const wide = reports.find((report) => report.name === 'relaxed-5x16');
  if (wide === undefined) return `${what}, because it was not asked for; leave out --engine-variant`;
  if (wide.problem !== null) return `${what}: ${wide.problem}`;
  const best = reports.find((report) => report.name === name);
  return `${what}: it is slower here (${digits(wide.gflops)} against ${digits(best?.gflops ?? null)} GFLOP/s); a processor with AVX2 and FMA would help`;
}

/** What keeps the engine from its full speed, one line for each reason. */
export function engineAdvice(variant: LoadedVariant, runtime: Runtime = thisRuntime()): string[] {
  return [withoutRelaxedSimd(variant), withoutRevectorizer(variant, runtime)].filter((line) => line !== null);
}

/** What Node 24 would improve; null where this version of Node does not slow the engine down. */
export function nodeAdvice(runtime: Runtime = thisRuntime()): string | null {
  if (isWideEnough(runtime)) return null;
  return (
    `Node ${runtime.version} gives the engine SIMD of 128 bits; Node 24 gives it 256 bits on a processor with AVX2, and ` +
    'training steps are faster there'
  );
}
