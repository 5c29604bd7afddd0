// Tensors as codes: what the forward pass keeps of them for the backward pass. Several ops may read one tensor, such as
// the compressions of queries and of keys; its codes are made once, and each op keeps a reference to them.

import type { tf } from '../../tensor/tf.ts';
import type { Arena } from '../arena.ts';
import type { EngineBackend } from '../backend.ts';
import { share } from './move-share.ts';

/** How codes are told apart by the kernels. */
export const given = { codes: 0, numbers: 1, wideCodes: 2 } as const;

interface Made {
  readonly codes: tf.TensorInfo;
  /** Where a recording made them: another one would miss the call that makes them. */
  readonly arena: Arena | null;
}

const madeOf = { e4m3: new WeakMap<object, Made>(), e5m6: new WeakMap<object, Made>() } as const;

/**
 * The codes of x, which no kernel may change after it is made: those that are there, or new ones. The caller has a
 * reference of its own.
 *
 * Shapes: x [rows, columns] -> int32 [codedLength].
 */
export function codesOf(
  backend: EngineBackend,
  x: tf.TensorInfo,
  [rows, columns]: readonly [number, number],
  format: keyof typeof madeOf,
): tf.TensorInfo {
  const isWide = format === 'e5m6';
  const arena = backend.heap.openedArena;
  const length = backend.exports.codedLength(rows, columns, isWide);
  const known = madeOf[format].get(x.dataId);
  const isThere = known !== undefined && known.arena === arena && backend.data.has(known.codes.dataId);
  if (isThere && known.codes.shape[0] === length) return share(backend, known.codes, known.codes.shape);
  const codes = backend.output([length], 'int32');
  backend.exports.encodeRows(backend.address(x), backend.address(codes), rows, columns, isWide);
  madeOf[format].set(x.dataId, { codes, arena });
  return codes;
}
