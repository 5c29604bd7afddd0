// Dispatch, experts and combine, without a look at the indices from JavaScript and without atomic operations.
// Shape legend: N tokens, K experts per token, M = N*K rows, E experts, D hidden size, F expert hidden size.
//
// The plan, which the forward pass makes and saves: [E + 1] where the rows of each expert begin, and where the last ends;
// [M] for each row the index `token * K + slot` that it comes from; [M] for each such index its row.

import { routedExpertsOp } from '../../ops/routed-experts.ts';
import type { Program } from '../program.ts';
import { lanesOf, type Product, productFunction, productMemory, type Tiling, tilingName } from './product.ts';
import { sumOverLanes } from './reduce.ts';
import { groupsOf, registerGpuOp } from './register.ts';

const planLanes = 256;

/**
 * A workgroup for each expert: a lane looks at a run of the selections, counts those of this expert and of the ones
 * before it, and then writes its own in order. So rows keep the order of the tokens, whatever the workgroups do.
 */
const planProgram: Program = {
  name: 'RoutedExpertsPlan',
  tensors: { chosen: 'i32', plan: 'i32' },
  numbers: { M: 'u32', E: 'u32' },
  workgroupSize: planLanes,
  declarations: `var<workgroup> own: array<u32, ${planLanes}>;\nvar<workgroup> before: array<u32, ${planLanes}>;`,
  code: `  let run = (u.M + ${planLanes - 1}u) / ${planLanes}u;
  let begin = min(u.M, lane * run);
  let end = min(u.M, begin + run);
  var mine = 0u; var less = 0u;
  for (var i = begin; i < end; i++) {
    let e = u32(chosen[i]);
    if (e == group) { mine++; } else if (e < group) { less++; }
  }
  own[lane] = mine;
  before[lane] = less;
  workgroupBarrier();
  for (var distance = 1u; distance < ${planLanes}u; distance = distance * 2u) {
    var a = 0u; var b = 0u;
    if (lane >= distance) { a = own[lane - distance]; b = before[lane - distance]; }
    workgroupBarrier();
    own[lane] += a;
    before[lane] += b;
    workgroupBarrier();
  }
  let start = before[${planLanes - 1}u];
  if (lane == 0u) {
    plan[group] = i32(start);
    if (group == u.E - 1u) { plan[u.E] = i32(start + own[${planLanes - 1}u]); }
  }
  var row = start + own[lane] - mine;
  for (var i = begin; i < end; i++) {
    if (u32(chosen[i]) == group) {
      plan[u.E + 1u + row] = i32(i);
      plan[u.E + 1u + u.M + i] = i32(row);
      row++;
    }
  }`,
};

/** The products of experts: tiles of 32 x 32, whose depth two parts of a workgroup share. */
const tiling: Tiling = { tile: 32, parts: 2, deep: 16 };

/** Tiles of rows that experts can have together, however the rows are spread. */
const rowTiles = (M: number, E: number) => Math.floor(M / tiling.tile) + E;

/** What an expert has: its number, where its rows begin and end, and whether the tile exists. */
const findings = 'var<workgroup> found: vec4u;';

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
const grouped = (product: Omit<Product, 'rows' | 'depth' | 'setup' | 'row0' | 'column0'>, depth: string): Product => ({
  ...product,
  setup: `let across = (${product.columns} + ${tiling.tile - 1}u) / ${tiling.tile}u;\n  ${findExpert('tile / across')}`,
  rows: 'place.z',
  depth,
  row0: 'place.y',
  column0: `(tile % across) * ${tiling.tile}u`,
});

/** The gradient of one expert's matrix; its rows of the batch are the depth. */
const weightGradient = (product: Omit<Product, 'depth' | 'setup' | 'row0' | 'column0'>): Product => ({
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

const numbers = { N: 'u32', K: 'u32', M: 'u32', E: 'u32', D: 'u32', F: 'u32' } as const;

/** A quad of columns has two gates and the two ups that go with them. */
const pairColumn = '(column / 4u) * 2u + column % 2u';
const gateUpProgram: Program = {
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

const downProgram: Program = {
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

/** Adds the rows of each token, in the order of its slots. */
const combine: Program = {
  name: 'RoutedExpertsCombine',
  tensors: { rowsOut: 'f32', plan: 'i32', y: 'f32' },
  numbers,
  workgroupSize: 256,
  code: `  let i = group * 256u + lane;
  if (i >= u.N * u.D) { return; }
  let token = i / u.D; let column = i % u.D;
  var sum = 0.0;
  for (var slot = 0u; slot < u.K; slot++) {
    sum += rowsOut[u32(plan[u.E + 1u + u.M + token * u.K + slot]) * u.D + column];
  }
  y[i] = sum;`,
};

/** Gradients of the down products: of what goes in, and of the weights. */
const downGradient: Program = {
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

/** A workgroup for each row: the gradient of its gate, and of its gate and up products. */
const activationLanes = 64;
const activationGradient: Program = {
  name: 'RoutedExpertsGrad activation',
  tensors: { gateUp: 'f32', gates: 'f32', plan: 'i32', dActivated: 'f32', dGateUp: 'f32', dGates: 'f32' },
  numbers,
  workgroupSize: activationLanes,
  declarations: sumOverLanes(activationLanes),
  code: `  let index = u32(plan[u.E + 1u + group]);
  let weight = gates[index];
  var part = 0.0;
  for (var f = lane; f < u.F; f += ${activationLanes}u) {
    let gate = gateUp[group * 2u * u.F + f]; let up = gateUp[group * 2u * u.F + u.F + f];
    let sigmoid = 1.0 / (1.0 + exp(-gate));
    let d = dActivated[group * u.F + f];
    part += d * gate * sigmoid * up;
    dGateUp[group * 2u * u.F + f] = d * weight * up * sigmoid * (1.0 + gate * (1.0 - sigmoid));
    dGateUp[group * 2u * u.F + u.F + f] = d * weight * gate * sigmoid;
  }
  let sum = sumOverLanes(part, lane);
  if (lane == 0u) { dGates[index] = sum; }`,
};

/** Gradients of the gate and up products: of the rows, and of the weights. */
const gateUpGradient: Program = {
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

const tilesAcross = (columns: number) => groupsOf(columns, tiling.tile);

/** Registers the experts and their gradient. */
export function registerRoutedExperts(): void {
  registerGpuOp(routedExpertsOp, {
    forward: (backend, { x, topkIndices, topkWeights, gateUpProj, downProj }, { sizes: { N, K, E, D, F } }) => {
      const M = N * K;
      const sizes = { N, K, M, E, D, F };
      const y = backend.output([N, D]);
      const plan = backend.output([E + 1 + 2 * M], 'int32');
      const [gateUp, active] = [backend.output([M, 2 * F]), backend.output([M, F])];
      backend.run(planProgram, { chosen: topkIndices, plan }, { M, E }, E);
      const gateUpTensors = { x, gates: topkWeights, weight: gateUpProj, plan, gateUp, activated: active };
      const pairs = tilesAcross(4 * Math.ceil(F / 2));
      backend.run(gateUpProgram, gateUpTensors, sizes, rowTiles(M, E) * pairs);
      const rowsOut = backend.output([M, D]);
      const downTensors = { activated: active, weight: downProj, plan, rowsOut };
      backend.run(downProgram, downTensors, sizes, rowTiles(M, E) * tilesAcross(D));
      backend.run(combine, { rowsOut, plan, y }, sizes, groupsOf(N * D, 256));
      backend.disposeData(rowsOut.dataId);
      return { y, plan, gateUp, active };
    },
    gradient: (backend, inputs, { sizes: { N, K, E, D, F }, dys: { y: dy }, saved: { plan, gateUp, active } }) => {
      const { x, topkWeights, gateUpProj, downProj } = inputs;
      const M = N * K;
      const sizes = { N, K, M, E, D, F };
      const [dx, dGates] = [backend.output([N, D]), backend.output([N, K])];
      const [dGateUpProj, dDownProj] = [backend.output([E, 2 * F, D]), backend.output([E, D, F])];
      const [dActivated, dGateUp] = [backend.output([M, F]), backend.output([M, 2 * F])];
      const dRows = backend.output([M, D]);
      const downTiles = E * tilesAcross(D) * tilesAcross(F);
      backend.run(
        downGradient,
        { dy, weight: downProj, plan, activated: active, dActivated, dWeight: dDownProj },
        { ...sizes, firstTiles: downTiles },
        downTiles + rowTiles(M, E) * tilesAcross(F),
      );
      backend.run(activationGradient, { gateUp, gates: topkWeights, plan, dActivated, dGateUp, dGates }, sizes, M);
      const gateUpTiles = E * tilesAcross(2 * F) * tilesAcross(D);
      backend.run(
        gateUpGradient,
        { x, weight: gateUpProj, plan, dGateUp, dRows, dWeight: dGateUpProj },
        { ...sizes, firstTiles: gateUpTiles },
        gateUpTiles + rowTiles(M, E) * tilesAcross(D),
      );
      backend.run(combine, { rowsOut: dRows, plan, y: dx }, sizes, groupsOf(N * D, 256));
      for (const { dataId } of [dActivated, dGateUp, dRows]) backend.disposeData(dataId);
      return { x: dx, topkWeights: dGates, gateUpProj: dGateUpProj, downProj: dDownProj };
    },
  });
}
