/**
 * Pairs rows with columns so that the sum of the values of the pairs is as large as can be; returns the column of each
 * row. `values` [n][n].
 *
 * Source: the Hungarian method with potentials, as Jonker and Volgenant have it (Computing 38, 1987): rows come in one
 * after the other, each along a shortest path of exchanges.
 */
export function bestAssignment(values: readonly (readonly number[])[]): number[] {
  const n = values.length;
  const rowPotential = new Float64Array(n);
  const columnPotential = new Float64Array(n + 1);
  /** The row of each column; the column n stands for a row that has just come in. */
  const rowOf = new Int32Array(n + 1).fill(-1);
  for (let row = 0; row < n; row++) {
    const distance = new Float64Array(n).fill(Number.POSITIVE_INFINITY);
    const cameFrom = new Int32Array(n);
    const isReached = new Uint8Array(n + 1);
    let column = n;
    rowOf[n] = row;
    while (rowOf[column] !== -1) {
      isReached[column] = 1;
      const from = rowOf[column]!;
      let [nearest, step] = [-1, Number.POSITIVE_INFINITY];
      for (let other = 0; other < n; other++) {
        if (isReached[other]) continue;
        const cost = -values[from]![other]! - rowPotential[from]! - columnPotential[other]!;
        if (cost < distance[other]!) {
          distance[other] = cost;
          cameFrom[other] = column;
        }
        if (distance[other]! < step) [nearest, step] = [other, distance[other]!];
      }
      for (let other = 0; other <= n; other++) {
        if (isReached[other]) {
          rowPotential[rowOf[other]!]! += step;
          columnPotential[other]! -= step;
        } else distance[other]! -= step;
      }
      column = nearest;
    }
    while (column !== n) {
      rowOf[column] = rowOf[cameFrom[column]!]!;
      column = cameFrom[column]!;
    }
  }
  const columnOf: number[] = [];
  for (let column = 0; column < n; column++) columnOf[rowOf[column]!] = column;
  return columnOf;
}
