// Whether this Node lets the engine do its best, and if not, what would.

import type { LoadedVariant } from '../engine/variants.ts';

/** The first and last Node whose V8 is known to have the revectorizer, as `src/engine/variants.ts` has it. */
const revectorizerSince = 24;
const revectorizerUntil = 26;

const digits = (gflops: number | null) => gflops?.toPrecision(3) ?? '?';

/** Why relaxed SIMD (fused multiplication and addition) is not used; null if it is. */
function withoutRelaxedSimd({ name, reports }: LoadedVariant): string | null {
  if (name.startsWith('relaxed')) return null;
  const relaxed = reports.find((report) => report.name === 'relaxed-6x8');
  if (relaxed === undefined) return 'relaxed SIMD is not used, because it was not asked for';
  if (relaxed.problem === null) return 'relaxed SIMD is not used, because it is slower here';
  return `relaxed SIMD is not used (${relaxed.problem}); Node 22 or newer would help`;
}

/** Why V8 does not join pairs of SIMD operations to 256 bits; null if it does. */
function withoutRevectorizer({ name, reports }: LoadedVariant, node: number, arch: string): string | null {
  if (name === 'relaxed-5x16') return null;
  const what = '256-bit SIMD is not used';
  const wide = reports.find((report) => report.name === 'relaxed-5x16');
  if (arch !== 'x64') return `${what}: V8 has it for x64 processors only`;
  if (node < revectorizerSince) return `${what}: V8 of Node ${node} has none; Node ${revectorizerSince} would help`;
  if (node > revectorizerUntil) {
    return `${what}: it is not known whether V8 of Node ${node} has it; Node ${revectorizerSince} would help`;
  }
  if (wide === undefined) return `${what}, because it was not asked for; leave out --engine-variant`;
  if (wide.problem !== null) return `${what}: ${wide.problem}`;
  const best = reports.find((report) => report.name === name);
  return `${what}: it is slower here (${digits(wide.gflops)} against ${digits(best?.gflops ?? null)} GFLOP/s); a processor with AVX2 and FMA would help`;
}

/** What keeps the engine from its best, one line each; none where nothing does. */
export function engineAdvice(
  variant: LoadedVariant,
  node = Number(process.versions.node.split('.')[0]),
  arch: string = process.arch,
): string[] {
  return [withoutRelaxedSimd(variant), withoutRevectorizer(variant, node, arch)].filter((line) => line !== null);
}
