// Which token each depth of prediction reads and which it must predict.
//
// A row holds T + 1 ids x[0..T]. The main model (depth 0) at position i reads x[i] and predicts x[i+1]. Depth k at
// position i reads the hidden state of depth k-1 at i and the embedding of x[i+k], and predicts x[i+k+1]. With T = 4:
//
//   depth | positions | embedding read | label
//   0     | 0 1 2 3   | x0 x1 x2 x3    | x1 x2 x3 x4
//   1     | 0 1 2     | x1 x2 x3       | x2 x3 x4
//   2     | 0 1       | x2 x3          | x3 x4
//
// so nothing is padded or masked at the end of a row. Source: arXiv:2412.19437 eq. 21-24, counted from 0.

import { tf } from '../tensor/tf.ts';

/** The labels of depth k: ids [B, T+1] -> [B, T-k]. */
export function labelsAtDepth(ids: tf.Tensor2D, k: number): tf.Tensor2D {
  const [B, length] = ids.shape;
  return tf.slice(ids, [0, k + 1], [B, length - 1 - k]);
}

/** The embeddings that depth k reads: embeddings of the inputs [B, T, D] -> [B, T-k, D]. */
export function embeddingsAtDepth(embeddings: tf.Tensor3D, k: number): tf.Tensor3D {
  const [B, T, D] = embeddings.shape;
  return tf.slice(embeddings, [0, k, 0], [B, T - k, D]);
}

/**
 * Which labels of depth k lie in the document of the position that predicts them: documentIds [B, T+1] -> [B, T-k],
 * 1 or 0. A label in the next document is one the model cannot know (B13).
 */
export function labelsWithinDocument(documentIds: tf.Tensor2D, k: number): tf.Tensor2D {
  const [B, length] = documentIds.shape;
  const own = tf.slice(documentIds, [0, 0], [B, length - 1 - k]);
  return tf.cast(tf.equal(own, labelsAtDepth(documentIds, k)), 'float32');
}
