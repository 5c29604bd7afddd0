import { tf } from './tf.ts';

/** An op with a gradient of its own. */
export interface CustomOp {
  /** The tensors to which gradients can flow. */
  readonly inputs: Readonly<Record<string, tf.Tensor>>;
  /** Runs off the tape; `save` keeps tensors for `backward`. */
  readonly forward: (save: (tensors: tf.Tensor[]) => void) => tf.Tensor[];
  /** The gradient of each input, from those of the outputs; an output that the loss does not depend on has zeros. */
  readonly backward: (dys: tf.Tensor[], saved: tf.Tensor[]) => Record<string, tf.Tensor>;
  /**
   * The gradient in two parts, where that is possible without computing anything twice. Called when a part is asked
   * for.
   */
  readonly split?: () => SplitGradient | null;
  /** How outputs can be computed again in the backward pass, with the same bits; see `recomputed`. */
  readonly again?: Again;
}

/** Outputs of an op that can be computed again. */
export interface Again {
  /** Their places among the outputs. */
  readonly outputs: readonly number[];
  /** The tensors that this takes, of which some may have to be computed again themselves. */
  readonly needs: readonly tf.Tensor[];
  /** The outputs, from the values of `needs` and from what the op has saved. They belong to the caller. */
  readonly run: (found: tf.Tensor[], saved: readonly tf.Tensor[]) => tf.Tensor[];
}

/** A gradient in two parts, which together give the bits of `backward`. */
export interface SplitGradient {
  /** The inputs whose gradients are left for the second part. */
  readonly weights: readonly string[];
  /** The gradients of the other inputs, and whatever `backwardWeights` needs: tensors of their own, all of them. */
  readonly backwardInputs: (
    dys: tf.Tensor[],
    saved: tf.Tensor[],
  ) => { readonly gradients: Record<string, tf.Tensor>; readonly kept: tf.Tensor[] };
  /** The gradients of `weights`, from what `backwardInputs` kept. */
  readonly backwardWeights: (kept: tf.Tensor[]) => Record<string, tf.Tensor>;
}

/**
 * What `tf.customGrad` is made of, which its types hide: unlike it, this allows several outputs and constant inputs.
 */
interface KernelFuncRunner {
  runKernelFunc(op: {
    readonly inputs: CustomOp['inputs'];
    readonly forwardFunc: (backend: unknown, save: (tensors: tf.Tensor[]) => void) => tf.Tensor[];
    readonly backwardsFunc: (dy: tf.Tensor | tf.Tensor[], saved: tf.Tensor[]) => Record<string, () => tf.Tensor>;
  }): tf.Tensor[];
}

/** Runs an op and puts it on the tape. All gradients are made at once: TF.js asks for them one by one. */
export function customOp(op: CustomOp): tf.Tensor[] {
  const { inputs, forward, backward } = op;
  const engine = tf.engine() as unknown as KernelFuncRunner;
  const outputs = engine.runKernelFunc({
    inputs,
    forwardFunc: (_, save) => forward(save),
    backwardsFunc: (dy, saved) => {
      const grads = backward(Array.isArray(dy) ? dy : [dy], saved);
      return Object.fromEntries(Object.entries(grads).map(([name, grad]) => [name, () => grad]));
    },
  });
  const { gradientDepth, kernelDepth, activeTape } = tf.engine().state;
  // A node of the tape does not say which op it was made from.
  if (gradientDepth > 0 && kernelDepth === 0) (activeTape.at(-1) as { op?: CustomOp }).op = op;
  return outputs;
}
