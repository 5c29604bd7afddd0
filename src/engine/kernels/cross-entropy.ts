// Shape legend: N positions, D channels, V vocabulary.

import { linearCrossEntropyOp } from '../../ops/linear-cross-entropy.ts';
import type { tf } from '../../tensor/tf.ts';
import { nowhere } from '../address.ts';
import type { EngineBackend } from '../backend.ts';
import { share } from './move-share.ts';
import { registerEngineOp, withWorkspace } from './register.ts';

/** Elements of a tile of logits: 8 MiB. */
const tileElements = 2 ** 21;
/** Narrower tiles would waste the matrix products; with very many rows a tile is larger instead. */
const fewestColumns = 64;

/** Columns of the vocabulary that are computed at once; V if all of them fit. */
function columnsOf(N: number, V: number): number {
  if (N * V <= tileElements) return V;
  // Whole panels of the matrix product.
  return Math.min(V, Math.max(fewestColumns, Math.floor(tileElements / N / 16) * 16));
}

/** What a gradient is made of; `residuals` are absent where the vocabulary is more than one tile. */
interface Differential {
  readonly hidden: tf.TensorInfo;
  readonly sums: tf.TensorInfo;
  readonly dy: tf.TensorInfo;
  readonly residuals?: tf.TensorInfo | undefined;
  /** Read where there are no residuals; the weight also for dHidden. */
  readonly weight?: tf.TensorInfo;
  readonly labels?: tf.TensorInfo;
  readonly maxima?: tf.TensorInfo;
  /** To be filled. */
  readonly dHidden?: tf.TensorInfo | undefined;
  readonly dWeight?: tf.TensorInfo | undefined;
}

/** Fills those gradients that are there. */
function differentiate(
  backend: EngineBackend,
  [N, D, V]: readonly [number, number, number],
  given: Differential,
): void {
  const { hidden, sums, dy, residuals } = given;
  const columns = columnsOf(N, V);
  const scaled = backend.output([N, D]);
  const tile = residuals ?? backend.output([N, columns]);
  const at = backend.address;
  const ifGiven = (tensor: tf.TensorInfo | undefined) => (tensor === undefined ? nowhere : at(tensor));
  withWorkspace(backend, [backend.exports.packedLength(N, columns)], (packed) => {
    const inputs = [at(hidden), ifGiven(given.weight), ifGiven(given.labels), ifGiven(given.maxima), at(sums)] as const;
    const made = [ifGiven(given.dHidden), ifGiven(given.dWeight), at(scaled), at(tile)] as const;
    const isComplete = residuals !== undefined;
    backend.exports.linearCrossEntropyGrad(...inputs, at(dy), ...made, packed, N, D, V, columns, isComplete);
  });
  backend.disposeData(scaled.dataId);
  if (residuals === undefined) backend.disposeData(tile.dataId);
}

/** Registers linear cross-entropy and its gradient, which finds residuals saved where the vocabulary is one tile. */
export function registerCrossEntropy(): void {
  registerEngineOp(linearCrossEntropyOp, {
    forward: (backend, { hidden, weight, labels }, { sizes: { N, D, V } }) => {
      const columns = columnsOf(N, V);
      const [losses, maxima, sums] = [backend.output([N]), backend.output([N]), backend.output([N])];
      const tile = backend.output([N, columns]);
      const at = backend.address;
      const [inputs, outputs] = [
        [at(hidden), at(weight), at(labels)] as const,
        [at(losses), at(maxima), at(sums)] as const,
      ];
      backend.exports.linearCrossEntropy(...inputs, ...outputs, at(tile), N, D, V, columns);
      if (columns === V) return { losses, maxima, sums, residuals: tile };
      backend.disposeData(tile.dataId);
      return { losses, maxima, sums };
    },
    gradient: (backend, inputs, { sizes: { N, D, V }, dys, saved }) => {
      const [dHidden, dWeight] = [backend.output([N, D]), backend.output([V, D])];
      differentiate(backend, [N, D, V], { ...inputs, ...saved, dy: dys.losses, dHidden, dWeight });
      return { hidden: dHidden, weight: dWeight };
    },
    // Tiles that are computed again would have to be so for either half: there the weight's gradient is made at once.
    gradientInputs: (backend, inputs, { sizes: { N, D, V }, dys, saved }) => {
      const { sums, residuals } = saved;
      const dHidden = backend.output([N, D]);
      const given = { ...inputs, ...saved, dy: dys.losses, dHidden };
      if (residuals === undefined) {
        const dWeight = backend.output([V, D]);
        differentiate(backend, [N, D, V], { ...given, dWeight });
        return { gradients: { hidden: dHidden, weight: dWeight }, kept: null };
      }
      differentiate(backend, [N, D, V], given);
      const again = (tensor: tf.TensorInfo) => share(backend, tensor, tensor.shape);
      const kept = {
        hidden: again(inputs.hidden),
        sums: again(sums),
        residuals: again(residuals),
        dy: again(dys.losses),
      };
      return { gradients: { hidden: dHidden }, kept };
    },
    gradientWeights: (backend, kept, { sizes: { N, D, V } }) => {
      const dWeight = backend.output([V, D]);
      differentiate(backend, [N, D, V], { ...kept, dWeight });
      return { weight: dWeight };
    },
  });
}
