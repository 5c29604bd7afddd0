import type { tf } from '../../tensor/tf.ts';
import { registerEngineKernel, withWorkspace } from './register.ts';

/** Elements of a tile of logits: 8 MiB. */
const tileElements = 2 ** 21;
/** Narrower tiles would waste the matrix products; with very many rows a tile is larger instead. */
const fewestColumns = 64;

/** Columns of the vocabulary that are computed at once for [N, D] times [V, D]; V if all of them fit. */
function columnsOf(hidden: tf.TensorInfo, weight: tf.TensorInfo): number {
  const [N, V] = [hidden.shape[0]!, weight.shape[0]!];
  if (N * V <= tileElements) return V;
  // Whole panels of the matrix product.
  return Math.min(V, Math.max(fewestColumns, Math.floor(tileElements / N / 16) * 16));
}

/**
 * Registers linear cross-entropy and its gradient; what it saves is the largest logit and the sum of exponentials of each
 * row and, where the whole vocabulary is one tile, the tile.
 */
export function registerCrossEntropy(): void {
  registerEngineKernel('LinearCrossEntropy', (backend, { hidden, weight, labels }) => {
    const [N, D] = hidden!.shape as [number, number];
    const V = weight!.shape[0]!;
    const columns = columnsOf(hidden!, weight!);
    const [losses, maxima, sums] = [backend.output([N]), backend.output([N]), backend.output([N])];
    const tile = backend.output([N, columns]);
    const tensors = [hidden!, weight!, labels!, losses, maxima, sums, tile];
    backend.exports.linearCrossEntropy!(...tensors.map(backend.address), N, D, V, columns);
    if (columns === V) return [losses, maxima, sums, tile];
    backend.disposeData(tile.dataId);
    return [losses, maxima, sums];
  });
  registerEngineKernel('LinearCrossEntropyGrad', (backend, inputs) => {
    const { hidden, weight, labels, dy0, saved0: maxima, saved1: sums, saved2: residuals } = inputs;
    const [N, D] = hidden!.shape as [number, number];
    const V = weight!.shape[0]!;
    const columns = columnsOf(hidden!, weight!);
    const [dHidden, dWeight] = [backend.output([N, D]), backend.output([V, D])];
    const scaled = backend.output([N, D]);
    const tile = residuals ?? backend.output([N, columns]);
    const tensors = [hidden!, weight!, labels!, maxima!, sums!, dy0!, dHidden, dWeight, scaled, tile];
    const addresses = tensors.map(backend.address);
    withWorkspace(backend, [backend.exports.packedLength!(N, columns)], ([packed]) => {
      const sizes = [N, D, V, columns, Number(residuals !== undefined)];
      backend.exports.linearCrossEntropyGrad!(...addresses, packed!, ...sizes);
    });
    backend.disposeData(scaled.dataId);
    if (residuals === undefined) backend.disposeData(tile.dataId);
    return [dHidden, dWeight];
  });
}
