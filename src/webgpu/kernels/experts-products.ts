// The products of experts: rows that are sorted by expert with the matrix of theirs, and the gradients of both.
// Shape legend: as in experts-rows.ts.

import type { Program } from '../program.ts';
import { numbers } from './experts-rows.ts';
import { lanesOf, type Product, productFunction, productMemory, type Tiling, tilingName } from './product.ts';

/** The products of experts: tiles of 32 x 32, whose depth two parts of a workgroup share. */
export const tiling: Tiling = { tile: 32, parts: 2, deep: 16 };

/** Tiles of rows that experts can have together, however the rows are spread. */
export const rowTiles = (M: number, E: number) => Math.floor(M / tiling.tile) + E;

/** What an expert has: its number, where its rows begin and end, and whether the tile exists. */
export const findings = 'var<workgroup> found: vec4u;';

/** Sets `expert`, `firstRow` and `lastRow` of a tile of rows; returns where there is no such tile. */
const findExpert = (rowTile: string) => `if (lane == 0u) {
    var e = 0u; var left = ${rowTile}; var tilesOfExpert = 0u;
    loop {
      tilesOfExpert = (u32(plan[e + 1u]) - u32(plan[e]) + ${tiling.tile - 1}u) / ${tiling.tile}u;
      if (left < tilesOfExpert || e + 1u == u.E) { break; }
      left -= tilesOfExpert; e++;
    }
    found = vec4u(e, u32(plan[e]) + left * ${tiling.tile}u, u32(plan[e + 1u]), select(0u, 1u, left < tilesOfExpert));
  }
  let place = workgroupUniformLoad(&found);
  if (place.w == 0u) { return; }
  let expert = place.x;`;

/** A product of sorted rows with the matrix of their expert. `tile` counts tiles of columns within tiles of rows. */
export const grouped = (
  product: Omit<Product, 'rows' | 'depth' | 'setup' | 'row0' | 'column0'>,
  depth: string,
): Product => ({
  ...product,
  setup: `let across = (${product.columns} + ${tiling.tile - 1}u) / ${tiling.tile}u;\n  ${findExpert('tile / across')}`,
  rows: 'place.z',
  depth,
  row0: 'place.y',
  column0: `(tile % across) * ${tiling.tile}u`,
});

/** The gradient of one expert's matrix; its rows of the batch are the depth. */
export const weightGradient = (product: Omit<Product, 'depth' | 'setup' | 'row0' | 'column0'>): Product => ({
  ...product,
  setup: `let across = (${product.columns} + ${tiling.tile - 1}u) / ${tiling.tile}u;
  let tilesOfExpert = across * ((${product.rows} + ${tiling.tile - 1}u) / ${tiling.tile}u);
  let expert = tile / tilesOfExpert;
  if (lane == 0u) { found = vec4u(u32(plan[expert]), u32(plan[expert + 1u]), 0u, 0u); }
  let place = workgroupUniformLoad(&found);
  let begin = place.x;`,
  depth: 'place.y - place.x',
  row0: `((tile % tilesOfExpert) / across) * ${tiling.tile}u`,
  column0: `(tile % across) * ${tiling.tile}u`,
});

const rowToken = (row: string) => `u32(plan[u.E + 1u + ${row}]) / u.K`;

/** A quad of columns has two gates and the two ups that go with them. */
const pairColumn = '(column / 4u) * 2u + column % 2u';
export const gateUpProgram: Program = {
  name: `RoutedExperts gateUp ${tilingName(tiling)}`,
  tensors: { x: 'f32', gates: 'f32', weight: 'f32', plan: 'i32', gateUp: 'f32', activated: 'f32' },
  numbers,
  workgroupSize: lanesOf(tiling),
  declarations: `${findings}\n${productMemory(tiling)}\n${productFunction(
    grouped(
      {
        name: 'product',
        columns: '(4u * ((u.F + 1u) / 2u))',
        a: `x[(${rowToken('row')}) * u.D + k]`,
        aAlong: 'k',
        b: 'weightAt(expert, column, k)',
        bAlong: 'k',
        putFour: `for (var j = 0u; j < 2u; j++) {
      let f = (column / 4u) * 2u + j;
      if (f < u.F) {
        let gate = values[j]; let up = values[j + 2u];
        gateUp[row * 2u * u.F + f] = gate;
        gateUp[row * 2u * u.F + u.F + f] = up;
        activated[row * u.F + f] = gate / (1.0 + exp(-gate)) * up * gates[u32(plan[u.E + 1u + row])];
      }
    }`,
      },
      'u.D',
    ),
    tiling,
  )}
fn weightAt(expert: u32, column: u32, k: u32) -> f32 {
  let f = ${pairColumn};
  let half = (column % 4u) / 2u;
  if (f >= u.F) { return 0.0; }
  return weight[((expert * 2u + half) * u.F + f) * u.D + k];
}`,
  code: '  product(group, lane);',
};

export const downProgram: Program = {
  name: `RoutedExperts down ${tilingName(tiling)}`,
  tensors: { activated: 'f32', weight: 'f32', plan: 'i32', rowsOut: 'f32' },
  numbers,
  workgroupSize: lanesOf(tiling),
  declarations: `${findings}\n${productMemory(tiling)}\n${productFunction(
    grouped(
      {
        name: 'product',
        columns: 'u.D',
        a: 'activated[row * u.F + k]',
        aAlong: 'k',
        b: 'weight[(expert * u.D + column) * u.F + k]',
        bAlong: 'k',
        put: 'rowsOut[row * u.D + column] = value;',
      },
      'u.F',
    ),
    tiling,
  )}`,
  code: '  product(group, lane);',
};

/** Gradients of the down products: of what goes in, and of the weights. */
export const downGradient: Program = {
  name: `RoutedExpertsGrad down ${tilingName(tiling)}`,
  tensors: { dy: 'f32', weight: 'f32', plan: 'i32', activated: 'f32', dActivated: 'f32', dWeight: 'f32' },
  numbers: { ...numbers, firstTiles: 'u32' },
  workgroupSize: lanesOf(tiling),
  declarations: `${findings}\n${productMemory(tiling)}\n${productFunction(
    grouped(
      {
        name: 'ofRows',
        columns: 'u.F',
        a: `dy[(${rowToken('row')}) * u.D + k]`,
        aAlong: 'k',
        b: 'weight[(expert * u.D + k) * u.F + column]',
        bAlong: 'column',
        put: 'dActivated[row * u.F + column] = value;',
      },
      'u.D',
    ),
    tiling,
  )}
${productFunction(
  weightGradient({
    name: 'ofWeight',
    rows: 'u.D',
    columns: 'u.F',
    a: `dy[(${rowToken('(begin + k)')}) * u.D + row]`,
    aAlong: 'row',
    b: 'activated[(begin + k) * u.F + column]',
    bAlong: 'column',
    put: 'dWeight[(expert * u.D + row) * u.F + column] = value;',
  }),
  tiling,
)}`,
  code: '  if (group < u.firstTiles) { ofWeight(group, lane); } else { ofRows(group - u.firstTiles, lane); }',
};

/** Gradients of the gate and up products: of the rows, and of the weights. */
export const gateUpGradient: Program = {
  name: `RoutedExpertsGrad gateUp ${tilingName(tiling)}`,
  tensors: { x: 'f32', weight: 'f32', plan: 'i32', dGateUp: 'f32', dRows: 'f32', dWeight: 'f32' },
  numbers: { ...numbers, firstTiles: 'u32' },
  workgroupSize: lanesOf(tiling),
  declarations: `${findings}\n${productMemory(tiling)}\n${productFunction(
    grouped(
      {
        name: 'ofRows',
        columns: 'u.D',
        a: 'dGateUp[row * 2u * u.F + k]',
        aAlong: 'k',
        b: 'weight[(expert * 2u * u.F + k) * u.D + column]',
        bAlong: 'column',
        put: 'dRows[row * u.D + column] = value;',
      },
      '2u * u.F',
    ),
    tiling,
  )}
${productFunction(
  weightGradient({
    name: 'ofWeight',
    rows: '(2u * u.F)',
    columns: 'u.D',
    a: 'dGateUp[(begin + k) * 2u * u.F + row]',
    aAlong: 'row',
    b: `x[(${rowToken('(begin + k)')}) * u.D + column]`,
    bAlong: 'column',
    put: 'dWeight[(expert * 2u * u.F + row) * u.D + column] = value;',
  }),
  tiling,
)}`,
  code: '  if (group < u.firstTiles) { ofWeight(group, lane); } else { ofRows(group - u.firstTiles, lane); }',
};

/** Tiles side by side in so many columns. */
export const tilesAcross = (columns: number) => Math.ceil(columns / tiling.tile);
