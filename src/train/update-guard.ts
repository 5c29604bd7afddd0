import { tf } from '../tensor/tf.ts';

/**
 * Remembers on the GPU that a step was not finite, so that steps which were asked for before the host has seen it
 * change nothing either. Owns its variable.
 */
export class UpdateGuard {
  #held: tf.Variable<tf.Rank.R0> | null = null;

  /** 1 once a step was not finite, and 0 before that. A backend without guarded updates need not have it. */
  get held(): tf.Variable<tf.Rank.R0> {
    this.#held ??= tf.tidy(() => tf.variable(tf.scalar(0), false));
    return this.#held;
  }

  /** Lets updates be made again. */
  clear(): void {
    if (this.#held !== null) tf.tidy(() => this.#held!.assign(tf.scalar(0)));
  }

  dispose(): void {
    this.#held?.dispose();
    this.#held = null;
  }
}
