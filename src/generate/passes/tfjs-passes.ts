// Passes made of TF.js operations. They are the reference, and serve backends that have no decoder of their own.
//
// The new tokens of all sequences are the rows of one matrix for everything but attention, so nothing is padded.
// Shape legend: N rows of a pass, D hiddenSize, V vocabSize, C kvLoraRank, R qkRopeHeadDim.

import { MultiHeadLatentAttention } from '../../mla/attention.ts';
import { cachedAttention, type SequenceRows } from '../../mla/cached.ts';
import type { DeepseekV3ForCausalLM } from '../../model/causal-lm.ts';
import type { Attend } from '../../model/transformer-block.ts';
import type { RotaryTables } from '../../ops/rotary.ts';
import { tf } from '../../tensor/tf.ts';
import type { Passes, PassRow } from './passes.ts';
import { RowWindow } from './row-window.ts';

/** Consecutive rows of one sequence. */
interface SlotRows extends SequenceRows {
  readonly slot: number;
  readonly position: number;
}

/** The rows of a pass, sequence by sequence. */
function bySequence(rows: readonly PassRow[]): SlotRows[] {
  const starts = [...rows.keys()].filter((i) => i === 0 || rows[i]!.slot !== rows[i - 1]!.slot);
  return starts.map((start, i) => {
    const { slot, position } = rows[start]!;
    return { slot, position, start, count: (starts[i + 1] ?? rows.length) - start };
  });
}

/** Tensors of a sequence. */
interface SlotState {
  /** Latents [tokens, C+R] of each layer, the MTP module's last. */
  readonly latents: readonly RowWindow[];
  readonly hidden: RowWindow;
}

export class TfjsPasses implements Passes {
  readonly #model: DeepseekV3ForCausalLM;
  readonly #drafts: boolean;
  readonly #slots: SlotState[];

  constructor(model: DeepseekV3ForCausalLM, slots: number, drafts: boolean) {
    this.#model = model;
    this.#drafts = drafts;
    const windows = () => Array.from({ length: model.config.numHiddenLayers + 1 }, () => new RowWindow());
    this.#slots = Array.from({ length: slots }, () => ({ latents: windows(), hidden: new RowWindow() }));
  }

  main(rows: readonly PassRow[]): Promise<Float32Array> {
    const logits = tf.tidy((): tf.Tensor2D[] => {
      const sequences = bySequence(rows);
      const { hidden, start } = this.#model.forwardWith(tokensOf(rows), this.#attend(rows, sequences));
      if (this.#drafts) this.#keepHidden(sequences, start);
      return this.#logits(rows, hidden);
    });
    return read(logits);
  }

  mtp(rows: readonly PassRow[]): Promise<Float32Array> {
    const logits = tf.tidy((): tf.Tensor2D[] => {
      const sequences = bySequence(rows);
      const kept = sequences.map(({ slot, position, count }) => this.#slots[slot]!.hidden.read(position, count));
      const hidden: tf.Tensor3D = tf.expandDims(tf.concat(kept, 0), 0);
      const out = this.#model.predictWith(hidden, tokensOf(rows), this.#attend(rows, sequences));
      const last = sequences.map(({ slot, position, start, count }) => {
        return { slot, position: position + count, start: start + count - 1, count: 1 };
      });
      this.#keepHidden(last, out.start);
      return this.#logits(rows, out.hidden);
    });
    return read(logits);
  }

  forgetHidden(slot: number, before: number): void {
    this.#slots[slot]!.hidden.forget(before);
  }

  clear(slot: number): void {
    const { latents, hidden } = this.#slots[slot]!;
    for (const window of [...latents, hidden]) window.clear();
  }

  copy(from: number, to: number): void {
    const [source, target] = [this.#slots[from]!, this.#slots[to]!];
    for (const [i, window] of target.latents.entries()) window.copy(source.latents[i]!);
    target.hidden.copy(source.hidden);
  }

  dispose(): void {
    for (const slot of this.#slots.keys()) this.clear(slot);
  }

  #attend(rows: readonly PassRow[], sequences: readonly SlotRows[]): Attend {
    const rotary = this.#rotaryOf(rows);
    return (attention, x, layer) => {
      if (!(attention instanceof MultiHeadLatentAttention)) throw new Error('internal: no latents to cache');
      return cachedAttention(attention, x, rotary, sequences, (i, latents) => {
        const { slot, position } = sequences[i]!;
        return this.#slots[slot]!.latents[layer]!.write(position, latents);
      });
    };
  }

  /** One row for each token of the pass. */
  #rotaryOf(rows: readonly PassRow[]): RotaryTables {
    const { cos, sin, partner } = this.#model.rotary;
    const positions = tf.tensor1d(
      rows.map(({ position }) => position),
      'int32',
    );
    return { cos: tf.gather(cos, positions), sin: tf.gather(sin, positions), partner };
  }

  #keepHidden(sequences: readonly SlotRows[], hidden: tf.Tensor3D): void {
    const D = hidden.shape[2];
    for (const { slot, position, start, count } of sequences) {
      const rows: tf.Tensor2D = tf.reshape(tf.slice(hidden, [0, start, 0], [1, count, D]), [count, D]);
      this.#slots[slot]!.hidden.write(position, rows);
    }
  }

  /** The logits as one matrix; none if no row wants logits. Shapes: hidden [1, N, D] -> [rows that want them, V]. */
  #logits(rows: readonly PassRow[], hidden: tf.Tensor3D): tf.Tensor2D[] {
    const wanted = [...rows.keys()].filter((i) => rows[i]!.logits);
    if (wanted.length === 0) return [];
    const read: tf.Tensor2D = tf.gather(tf.squeeze(hidden, [0]), tf.tensor1d(wanted, 'int32'));
    return [tf.matMul(read, this.#model.lmHead, false, true)];
  }
}

const tokensOf = (rows: readonly PassRow[]): tf.Tensor2D =>
  tf.tensor2d([rows.map(({ token }) => token)], [1, rows.length], 'int32');

async function read([logits]: readonly tf.Tensor2D[]): Promise<Float32Array> {
  if (logits === undefined) return new Float32Array(0);
  const values = await logits.data<'float32'>();
  logits.dispose();
  return values;
}
