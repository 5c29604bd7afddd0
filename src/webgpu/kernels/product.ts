// Matrix products: WGSL for one tile of C = A B, whatever A, B and C are.
//
// A workgroup makes a tile of C. It goes along the depth in steps, brings a block of A and one of B into its memory,
// and each invocation adds to 4 x 4 elements. Where C has few tiles, several parts of a workgroup share the depth, and
// their sums are added in order, so that the GPU has enough to do. The order of the sums follows from sizes.

/** A product; strings are WGSL. */
export interface Product {
  /** Name of the function that makes a tile. */
  readonly name: string;
  readonly rows: string;
  readonly columns: string;
  readonly depth: string;
  /** An element of A, from `row` and `k`, and of B, from `k` and `column`; all within the sizes. */
  readonly a: string;
  readonly b: string;
  /** Which of its two indices are neighbours in memory. */
  readonly aAlong: 'row' | 'k';
  readonly bAlong: 'column' | 'k';
  /** Statements that take the `value` at `row`, `column`. */
  readonly put?: string;
  /** Instead: statements that take four `values` at `row`, from `column` on, of which some may be out of range. */
  readonly putFour?: string;
  /** Statements that come first, for what the other parts refer to; all lanes run them alike. */
  readonly setup?: string;
  /** The first row of the tile and its first column, from `tile`; by default the tiles of C row after row. */
  readonly row0?: string;
  readonly column0?: string;
}

/** How a product is cut. */
export interface Tiling {
  /** Rows and columns of a tile: 32 or 64. */
  readonly tile: 32 | 64;
  /** Parts of a workgroup that share the depth. */
  readonly parts: number;
  /** Depth of a block. */
  readonly deep: number;
}

const lanesOfPart = ({ tile }: Pick<Tiling, 'tile'>) => (tile / 4) ** 2;

export const lanesOf = (tiling: Tiling): number => lanesOfPart(tiling) * tiling.parts;

export const tilesOf = (rows: number, columns: number, { tile }: Pick<Tiling, 'tile'>): number =>
  Math.ceil(rows / tile) * Math.ceil(columns / tile);

/** Bytes of the blocks of A and B; a row has one quad more, so that neighbours in depth are in different banks. */
const blockBytes = ({ tile, parts, deep }: Tiling) => 2 * deep * (tile / 4 + 1) * parts * 16;

/** What a device allows a workgroup. */
export type WorkgroupLimits = Pick<
  GPUSupportedLimits,
  'maxComputeWorkgroupStorageSize' | 'maxComputeInvocationsPerWorkgroup'
>;

/** With so many workgroups a large GPU has enough to do. */
const manyGroups = 1024;

/**
 * A good way to cut products that together have `tiles` tiles of 32 x 32 and this depth.
 *
 * Where there are few tiles, more lanes share the depth of each. Sizes and the limits of the device decide, so sums are
 * added in the same order each time.
 */
export function tilingFor(limits: WorkgroupLimits, tiles: number, depth: number): Tiling {
  if (tiles >= manyGroups) return { tile: 64, parts: 1, deep: 16 };
  const fits = (tiling: Tiling) =>
    lanesOf(tiling) <= limits.maxComputeInvocationsPerWorkgroup &&
    // A few hundred bytes are left for what else a program keeps there.
    blockBytes(tiling) + 256 <= limits.maxComputeWorkgroupStorageSize;
  let tiling: Tiling = { tile: 32, parts: 1, deep: 16 };
  while (tiling.parts < 8 && tiles * tiling.parts < manyGroups && depth >= 32 * tiling.parts) {
    const wider = { ...tiling, parts: tiling.parts * 2 };
    const shallow = { ...wider, deep: 8 };
    if (fits(wider)) tiling = wider;
    else if (fits(shallow)) tiling = shallow;
    else break;
  }
  return tiling;
}

/** Tiles of 32 x 32 in a product. */
export const smallTiles = (rows: number, columns: number): number => tilesOf(rows, columns, { tile: 32 });

export const tilingName = ({ tile, parts, deep }: Tiling): string => `${tile}x${parts}x${deep}`;

/** Memory of a workgroup for all products of a program. */
export function productMemory(tiling: Tiling): string {
  const sums = tiling.parts > 1 ? lanesOfPart(tiling) * 4 : 0;
  return `var<workgroup> blocks: array<vec4f, ${Math.max(blockBytes(tiling) / 16, sums)}>;`;
}

/** The function `name(tile, lane)`, which all lanes of a workgroup call. */
export function productFunction(product: Product, tiling: Tiling): string {
  const { name, rows, columns, depth, a, b, aAlong, bAlong, setup = '' } = product;
  const { tile, parts, deep } = tiling;
  const lanes = lanesOfPart(tiling);
  const quads = tile / 4;
  const stride = quads + 1; // one more, so that neighbours in k are in different banks
  const row0 = product.row0 ?? `(tile / tilesAcross) * ${tile}u`;
  const column0 = product.column0 ?? `(tile % tilesAcross) * ${tile}u`;
  const load = (side: 'a' | 'b', along: boolean, base: string) => `
      for (var i = t; i < ${quads * deep}u; i += ${lanes}u) {
        ${along ? `let quad = i / ${deep}u; let depthAt = i % ${deep}u;` : `let quad = i % ${quads}u; let depthAt = i / ${quads}u;`}
        let k = k0 + depthAt;
        var four = vec4f(0.0);
        if (k < depth) {
          ${[0, 1, 2, 3]
            .map((j) =>
              side === 'a'
                ? `{ let row = row0 + quad * 4u + ${j}u; if (row < rows) { four[${j}] = ${a}; } }`
                : `{ let column = column0 + quad * 4u + ${j}u; if (column < columns) { four[${j}] = ${b}; } }`,
            )
            .join('\n          ')}
        }
        blocks[${base} + depthAt * ${stride}u + quad] = four;
      }`;
  const multiply = [0, 1, 2, 3].map((j) => `sum${j} += left[${j}] * right;`).join(' ');
  const gather =
    parts === 1
      ? ''
      : `
  for (var other = 1u; other < ${parts}u; other++) {
    if (part == other) { ${[0, 1, 2, 3].map((j) => `blocks[t * 4u + ${j}u] = sum${j};`).join(' ')} }
    workgroupBarrier();
    if (part == 0u) { ${[0, 1, 2, 3].map((j) => `sum${j} += blocks[t * 4u + ${j}u];`).join(' ')} }
    workgroupBarrier();
  }
  if (part != 0u) { return; }`;
  const put = (j: number) =>
    product.putFour === undefined
      ? [0, 1, 2, 3]
          .map(
            (c) =>
              `{ let column = column4 + ${c}u; if (column < columns) { let value = sum${j}[${c}]; ${product.put} } }`,
          )
          .join('\n    ')
      : `let column = column4; let values = sum${j}; ${product.putFour}`;
  return `fn ${name}(tile: u32, lane: u32) {
  ${setup}
  let rows = ${rows}; let columns = ${columns}; let depth = ${depth};
  let tilesAcross = (columns + ${tile - 1}u) / ${tile}u;
  let row0 = ${row0}; let column0 = ${column0};
  let part = lane / ${lanes}u; let t = lane % ${lanes}u;
  let base = part * ${2 * deep * stride}u;
  let tr = t / ${quads}u; let tc = t % ${quads}u;
  var sum0 = vec4f(0.0); var sum1 = vec4f(0.0); var sum2 = vec4f(0.0); var sum3 = vec4f(0.0);
  for (var step = 0u; step < depth; step += ${deep * parts}u) {
    let k0 = step + part * ${deep}u;
    {${load('a', aAlong === 'k', 'base')}
    }
    {${load('b', bAlong === 'k', `base + ${deep * stride}u`)}
    }
    workgroupBarrier();
    for (var k = 0u; k < ${deep}u; k++) {
      let left = blocks[base + k * ${stride}u + tr];
      let right = blocks[base + ${deep * stride}u + k * ${stride}u + tc];
      ${multiply}
    }
    workgroupBarrier();
  }${gather}
  let column4 = column0 + tc * 4u;
  ${[0, 1, 2, 3].map((j) => `{ let row = row0 + tr * 4u + ${j}u; if (row < rows) {\n    ${put(j)} } }`).join('\n  ')}
}`;
}
