import type { tf } from '../../tensor/tf.ts';
import type { EngineBackend } from '../backend.ts';
import { share } from './move-share.ts';
import { type Inputs, registerEngineKernel, withWorkspace } from './register.ts';

/** Elements of a tile of logits: 8 MiB. */
const tileElements = 2 ** 21;
/** Narrower tiles would waste the matrix products; with very many rows a tile is larger instead. */
const fewestColumns = 64;

/** Columns of the vocabulary that are computed at once for N rows; V if all of them fit. */
function columnsOf(N: number, V: number): number {
  if (N * V <= tileElements) return V;
  // Whole panels of the matrix product.
  return Math.min(V, Math.max(fewestColumns, Math.floor(tileElements / N / 16) * 16));
}

/** Fills those gradients that are there. Without dHidden the residuals have to be there, and neither weight nor maxima. */
function differentiate(
  backend: EngineBackend,
  { hidden, weight, labels, dy0, saved0: maxima, saved1: sums, saved2: residuals }: Inputs,
  V: number,
  dHidden: tf.TensorInfo | null,
  dWeight: tf.TensorInfo | null,
): void {
  const [N, D] = hidden!.shape as [number, number];
  const columns = residuals === undefined ? columnsOf(N, V) : V;
  const scaled = backend.output([N, D]);
  const tile = residuals ?? backend.output([N, columns]);
  const tensors = [hidden, weight, labels, maxima, sums, dy0, dHidden, dWeight, scaled, tile];
  const addresses = tensors.map((tensor) => (tensor == null ? 0 : backend.address(tensor)));
  withWorkspace(backend, [backend.exports.packedLength!(N, columns)], ([packed]) => {
    const sizes = [N, D, V, columns, Number(residuals !== undefined)];
    backend.exports.linearCrossEntropyGrad!(...addresses, packed!, ...sizes);
  });
  backend.disposeData(scaled.dataId);
  if (residuals === undefined) backend.disposeData(tile.dataId);
}

/**
 * Registers linear cross-entropy and its gradient; what it saves is the largest logit and the sum of exponentials of each
 * row and, where the whole vocabulary is one tile, the tile.
 */
export function registerCrossEntropy(): void {
  registerEngineKernel('LinearCrossEntropy', (backend, { hidden, weight, labels }) => {
    const [N, D] = hidden!.shape as [number, number];
    const V = weight!.shape[0]!;
    const columns = columnsOf(N, V);
    const [losses, maxima, sums] = [backend.output([N]), backend.output([N]), backend.output([N])];
    const tile = backend.output([N, columns]);
    const tensors = [hidden!, weight!, labels!, losses, maxima, sums, tile];
    backend.exports.linearCrossEntropy!(...tensors.map(backend.address), N, D, V, columns);
    if (columns === V) return [losses, maxima, sums, tile];
    backend.disposeData(tile.dataId);
    return [losses, maxima, sums];
  });
  registerEngineKernel('LinearCrossEntropyGrad', (backend, inputs) => {
    const { hidden, weight } = inputs;
    const [dHidden, dWeight] = [backend.output(hidden!.shape), backend.output(weight!.shape)];
    differentiate(backend, inputs, weight!.shape[0]!, dHidden, dWeight);
    return [dHidden, dWeight];
  });
  // Tiles that are computed again would have to be so for either half: there the weights' gradient is what is kept.
  registerEngineKernel('LinearCrossEntropyGradInputs', (backend, inputs) => {
    const { hidden, weight, dy0: dy, saved1: sums, saved2: residuals } = inputs;
    const dHidden = backend.output(hidden!.shape);
    const dWeight = residuals === undefined ? backend.output(weight!.shape) : null;
    differentiate(backend, inputs, weight!.shape[0]!, dHidden, dWeight);
    if (dWeight !== null) return [dHidden, dWeight];
    return [dHidden, ...[hidden!, dy!, sums!, residuals!].map((tensor) => share(backend, tensor, tensor.shape))];
  });
  registerEngineKernel(
    'LinearCrossEntropyGradWeights',
    (backend, { kept0, kept1: dy0, kept2: sums, kept3: residuals }) => {
      if (residuals === undefined) return share(backend, kept0!, kept0!.shape);
      const V = residuals.shape[1]!;
      const dWeight = backend.output([V, kept0!.shape[1]!]);
      differentiate(backend, { hidden: kept0!, dy0: dy0!, saved1: sums!, saved2: residuals }, V, null, dWeight);
      return dWeight;
    },
  );
}
