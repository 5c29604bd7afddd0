// Shape legend: N positions, D channels, V vocabulary.

import { linearCrossEntropyOp } from '../../ops/linear-cross-entropy.ts';
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
    gradient: (backend, { hidden, weight, labels }, { sizes: { N, D, V }, dys, saved }) => {
      const { maxima, sums, residuals } = saved;
      const columns = columnsOf(N, V);
      const [dHidden, dWeight] = [backend.output([N, D]), backend.output([V, D])];
      const scaled = backend.output([N, D]);
      const tile = residuals ?? backend.output([N, columns]);
      const at = backend.address;
      withWorkspace(backend, [backend.exports.packedLength(N, columns)], (packed) => {
        const given = [at(hidden), at(weight), at(labels), at(maxima), at(sums), at(dys.losses)] as const;
        const made = [at(dHidden), at(dWeight), at(scaled), at(tile)] as const;
        backend.exports.linearCrossEntropyGrad(...given, ...made, packed, N, D, V, columns, residuals !== undefined);
      });
      backend.disposeData(scaled.dataId);
      if (residuals === undefined) backend.disposeData(tile.dataId);
      return { hidden: dHidden, weight: dWeight };
    },
  });
}
