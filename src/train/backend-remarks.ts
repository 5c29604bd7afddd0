// Errors and warnings about the backend that computes a run.

import type { BackendName } from '../backends/backend-names.ts';
import { type Rounding, roundingOfBackend } from '../backends/rounding.ts';
import type { ModelConfig } from '../config/model-config.ts';
import type { TrainConfig } from '../config/train-config.ts';
import { UserError } from '../errors.ts';
import { fp8ExpertsOp } from '../ops/fp8-experts.ts';
import { hasKernel } from '../ops/kernels.ts';
import { expertDispatch } from '../ops/routed-experts.ts';
import type { ActiveBackend } from '../tensor/active-backend.ts';

/**
 * Refuses 8-bit training where the backend has no kernel for it, and the host cannot read where tokens go: it must,
 * since an expert's rows share scales.
 */
export function refuseDensePrecision(
  { name, canReadSync }: ActiveBackend,
  { precision }: Pick<TrainConfig, 'precision'>,
): void {
  if (canReadSync || precision === 'float32' || hasKernel(fp8ExpertsOp)) return;
  throw new UserError(
    `precision: ${precision} needs to read routing decisions while it computes, which backend ${name} cannot; ` +
      'take another (--backend engine), or leave precision at float32',
  );
}

/** Warnings for any run on this backend. */
export function activeWarnings(backend: ActiveBackend, model: ModelConfig): string[] {
  const { warning, advice } = backend;
  return [...[warning, advice].filter((line) => line !== null), ...denseWarning(backend, model)];
}

/** Warns of the cost on a backend that cannot tell the host where tokens go. */
function denseWarning({ name }: ActiveBackend, { nRoutedExperts, numExpertsPerTok }: ModelConfig): string[] {
  if (expertDispatch() !== 'dense') return [];
  return [
    `backend ${name} cannot read routing decisions while it computes, so every token visits all ${nRoutedExperts} experts, ` +
      `with gate 0 where it was not sent: the same result as sparse dispatch at ${nRoutedExperts / numExpertsPerTok} times its arithmetic`,
  ];
}

/** A warning for a resumed run whose backend is not the one that it was started on. */
export function backendWarning(recorded: BackendName, now: BackendName): string[] {
  if (recorded === now) return [];
  return [`the run was started on backend ${recorded}; on ${now} it goes on, but not bit for bit as there`];
}

/** A warning for a resumed run on an engine that rounds otherwise than where it was started. */
export function roundingWarning(recorded: Rounding | undefined, backend: ActiveBackend): string[] {
  const now = roundingOfBackend(backend);
  if (recorded === undefined || now === undefined || recorded === now) return [];
  return [
    `the run was started on an engine with ${recorded} multiplication and addition; variant ${backend.engineVariant} ` +
      `here has them ${now}: it goes on, but not bit for bit as there`,
  ];
}
