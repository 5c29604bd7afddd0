import type { Program } from '../program.ts';
import { lanesOf, type Product, productFunction, productMemory, type Tiling, tilingName } from './product.ts';

/** What a program of products is, but for its cut. */
export interface ProductsOf extends Pick<Program, 'name' | 'tensors' | 'numbers'> {
  /** One, or two that share a dispatch. */
  readonly products: readonly [Product] | readonly [Product, Product];
}

/**
 * A program of products: of two, the first has the workgroups before the number `firstTiles`, which it is then told.
 */
export function productProgram({ name, tensors, numbers, products }: ProductsOf, tiling: Tiling): Program {
  const [first, second] = products;
  const other = second === undefined ? null : `${second.name}(group - u.firstTiles, lane);`;
  const own = `${first.name}(group, lane);`;
  return {
    name: `${name} ${tilingName(tiling)}`,
    tensors,
    numbers: other === null ? numbers : { ...numbers, firstTiles: 'u32' },
    workgroupSize: lanesOf(tiling),
    declarations: [productMemory(tiling), ...products.map((product) => productFunction(product, tiling))].join('\n'),
    code: other === null ? `  ${own}` : `  if (group < u.firstTiles) { ${own} } else { ${other} }`,
  };
}
