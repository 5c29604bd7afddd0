// Every backend, with how fast it is on this machine.

import { activateBackend, type BackendOptions, type BackendStatus, probeBackends } from '../backends/backends.ts';
import { engineAdvice } from '../backends/engine-advice.ts';
import { runningEngine } from '../engine/engine.ts';
import type { VariantName } from '../engine/variant-names.ts';
import type { VariantReport } from '../engine/variants.ts';
import { measureMatmulSpeed } from './matmul-speed.ts';

/** What the engine runs with. */
interface EngineDetails {
  readonly threads: number;
  readonly variant: VariantName;
  /** All that were tried, with their speed on one thread. */
  readonly variants: readonly VariantReport[];
  /** What keeps it from its best. */
  readonly advice: readonly string[];
}

/** The details are those of the engine, where it runs. */
export interface MeasuredBackend extends BackendStatus, Partial<EngineDetails> {
  /** Null if the backend is not available. */
  readonly gflops: number | null;
}

function engineDetails(): EngineDetails {
  const running = runningEngine();
  if (running === null) throw new Error('internal: the engine is active, and does not run');
  const { pool, variant } = running;
  return { threads: pool.threads, variant: variant.name, variants: variant.reports, advice: engineAdvice(variant) };
}

async function measure(status: BackendStatus, options: BackendOptions): Promise<MeasuredBackend> {
  if (!status.available) return { ...status, gflops: null };
  await activateBackend(status.name, status.name === 'engine' ? options : {});
  const gflops = await measureMatmulSpeed();
  return { ...status, gflops, ...(status.name === 'engine' ? engineDetails() : {}) };
}

/** Starts every backend in turn and measures it. */
export async function measureBackends(options: BackendOptions): Promise<MeasuredBackend[]> {
  const backends: MeasuredBackend[] = [];
  for (const status of await probeBackends(options)) backends.push(await measure(status, options));
  return backends;
}
