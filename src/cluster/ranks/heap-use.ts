import type { EngineBackend } from '../../engine/backend.ts';
import type { HeapUse } from '../../engine/heap.ts';
import { tf } from '../../tensor/tf.ts';

/** What the tensors of this thread take; it must have the engine. */
export function heapUse(): HeapUse {
  return (tf.backend() as unknown as EngineBackend).heap.use;
}
