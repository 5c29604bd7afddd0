import { tf } from './tf.ts';

/** An op with a gradient of its own. */
export interface CustomOp {
  /** What gradients can flow to. */
  readonly inputs: Readonly<Record<string, tf.Tensor>>;
  /** Runs off the tape; `save` keeps tensors for `backward`. */
  readonly forward: (save: (tensors: tf.Tensor[]) => void) => tf.Tensor[];
  /** The gradient of each input, from those of the outputs; zeros stand for outputs that nothing depends on. */
  readonly backward: (dys: tf.Tensor[], saved: tf.Tensor[]) => Record<string, tf.Tensor>;
}

/** What `tf.customGrad` is made of, which its types hide: unlike it, this allows several outputs and constant inputs. */
interface KernelFuncRunner {
  runKernelFunc(op: {
    readonly inputs: CustomOp['inputs'];
    readonly forwardFunc: (backend: unknown, save: (tensors: tf.Tensor[]) => void) => tf.Tensor[];
    readonly backwardsFunc: (dy: tf.Tensor | tf.Tensor[], saved: tf.Tensor[]) => Record<string, () => tf.Tensor>;
  }): tf.Tensor[];
}

/** Runs an op and puts it on the tape. All gradients are made at once: TF.js asks for them one by one. */
export function customOp({ inputs, forward, backward }: CustomOp): tf.Tensor[] {
  const engine = tf.engine() as unknown as KernelFuncRunner;
  return engine.runKernelFunc({
    inputs,
    forwardFunc: (_, save) => forward(save),
    backwardsFunc: (dy, saved) => {
      const grads = backward(Array.isArray(dy) ? dy : [dy], saved);
      return Object.fromEntries(Object.entries(grads).map(([name, grad]) => [name, () => grad]));
    },
  });
}
