// Every op that src/ops defines: found by reading the folder, so that a new one cannot be forgotten.

import { readdirSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Op } from '../../src/ops/define-op.ts';
import type { ListOp } from '../../src/ops/list-op.ts';

const folder = resolve(import.meta.dirname, '../../src/ops');

export interface AllOps {
  readonly fused: readonly Op[];
  readonly lists: readonly ListOp[];
}

/** What the files of src/ops export under names that end in `Op`. */
export async function allOps(): Promise<AllOps> {
  const modules: Record<string, unknown>[] = await Promise.all(
    readdirSync(folder).map((file) => import(resolve(folder, file))),
  );
  const ops = modules.flatMap(Object.entries).filter(([name]) => /^[a-z]\w*Op$/.test(name) && name !== 'fusedOp');
  const defined = ops.map(([, value]) => value).filter((value) => typeof value === 'object') as (Op | ListOp)[];
  return {
    fused: defined.filter((op): op is Op => 'gradients' in op),
    lists: defined.filter((op): op is ListOp => !('gradients' in op)),
  };
}
