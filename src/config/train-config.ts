// The settings of a training run: what is not part of the model. One flat, read-only record of plain data, whose keys
// never collide with those of `ModelConfig`, so that a YAML file or `--set key=value` can name either.

/** Which mechanism keeps the experts evenly loaded. */
export type Balancing = 'bias' | 'batch-aux' | 'sequence-aux' | 'none';

export interface TrainConfig {
  /** Corpus specification, e.g. `moby-dick`, `moby-dick:2,code:1`, `notes.txt`, `texts/*.md`. */
  readonly data: string;
  /**
   * Tokenizer specification: `bytes`, `chars`, `bpe:1024`, `r50k_base`, `r50k_base:1024`, or a path to a
   * `tokenizer.json`.
   */
  readonly tokenizer: string;
  /** Key of the text in rows of JSON Lines and CSV; empty: recognised (`text`, `content`, conversations, pairs). */
  readonly textKey: string;
  /** What stands between documents of a text file; empty: lines with a known end token, such as `<|endoftext|>`. */
  readonly documentSeparator: string;
  /** Share of the text kept out of training for evaluation. */
  readonly heldOutFraction: number;
  /** Optimizer steps of the whole run. */
  readonly steps: number;
  /** Sequences per optimizer step once the batch-size ramp is over. */
  readonly batchSize: number;
  /** Tokens per sequence. */
  readonly seqLen: number;
  /**
   * Every second step reads rows of this length in place of `seqLen`, as many as make the same number of tokens; 0:
   * none
   * does. For the extension of a context, which may cost what is known of short texts.
   */
  readonly alternateSeqLen: number;
  /** Parts a batch is computed in; gradients are averaged, the expert bias still moves once per optimizer step. */
  readonly gradAccumSteps: number;
  readonly seed: number;
  /**
   * `fp8`: operands of all linear layers and experts are rounded to 8 bits, forward and backward (F 4.1). Emulated: it
   * is slower than float32, and weights, gradients and checkpoints stay float32.
   */
  readonly precision: 'float32' | 'fp8';
  /**
   * `selective`: RMSNorms, the up-projections of latent attention and the outputs of SwiGLU are computed again in the
   * backward pass and not kept for it (report 3.2.3). Same bits, less memory, a little more time.
   */
  readonly recompute: 'none' | 'selective';
  /**
   * What training in 8 bits keeps for the backward pass. `fp8`, as the report does (3.2.3, 3.3.3): the output of
   * attention in E5M6, the inputs of SwiGLU in E4M3, and what `recompute: selective` computes again not at all.
   * `float32`: all of it as it is. Inputs of linear layers are kept in E4M3 either way, as they are multiplied. Without
   * `precision: fp8` it has no effect.
   */
  readonly cachedActivations: 'float32' | 'fp8';

  /** Peak learning rate. */
  readonly learningRate: number;
  /** `deepseek-v3`: warm-up, constant, cosine to a tenth, two short constant phases, as fractions of the run. */
  readonly lrSchedule: 'deepseek-v3' | 'cosine' | 'constant';
  /** Share of the run spent warming up linearly. */
  readonly warmupFraction: number;
  /** `deepseek-v3`: linear ramp from a fifth of `batchSize` over the first 3.17 % of the run's tokens. */
  readonly batchSizeSchedule: 'constant' | 'deepseek-v3';
  readonly adamBeta1: number;
  readonly adamBeta2: number;
  readonly adamEps: number;
  /** `bfloat16`: both moments of AdamW are kept in 16 bits, rounded to the nearest after each update (report 3.3.3). */
  readonly adamMoments: 'float32' | 'bfloat16';
  /** Decoupled weight decay, on matrices only. */
  readonly weightDecay: number;
  /** Gradients are scaled down to this global L2 norm; 0 turns clipping off. */
  readonly maxGradNorm: number;
  /** Decay of the exponential moving average of the weights; 0 turns it off. */
  readonly emaDecay: number;

  readonly balancing: Balancing;
  /** gamma: how far the expert bias moves per optimizer step. */
  readonly expertBiasUpdateSpeed: number;
  /** `sign`: by gamma (the report); `proportional`: by gamma times the relative load error (ablation of ALF). */
  readonly expertBiasUpdateRule: 'sign' | 'proportional';
  /** Subtract the mean of the update, so that the bias does not drift (torchtitan; the report does not). */
  readonly expertBiasRecenter: boolean;
  /** Share of the run, at its end, in which gamma is 0 (the report: 500B of 14.8T tokens). */
  readonly expertBiasFreezeFraction: number;
  /** alpha of the balance loss: sequence-wise complement under `bias`, the loss itself under the `-aux` modes. */
  readonly balanceLossFactor: number;

  /** lambda of the MTP loss, until `mtpLossSwitchFraction` of the run. */
  readonly mtpLossWeight: number;
  /** lambda afterwards. */
  readonly mtpLossWeightFinal: number;
  readonly mtpLossSwitchFraction: number;

  /** Keep attention and labels inside a document when several share a row (the report's pre-training does not). */
  readonly documentMask: boolean;
  /** Share of the documents rewritten for fill-in-the-middle (PSM). */
  readonly fimRate: number;
  /** Share of punctuation+newline tokens that are split in two, against token-boundary bias. */
  readonly splitPunctuationRate: number;

  /** Steps between evaluations on the held-out text; 0: only at the end. */
  readonly evalEvery: number;
  /** Most tokens an evaluation during the run reads per domain; the last one reads all. */
  readonly evalTokens: number;
  /** Steps between checkpoints; 0: only at the end. */
  readonly checkpointEvery: number;
  /** How many checkpoints are kept. */
  readonly keepCheckpoints: number;
  /** Tokens of each text sample (before, midway, after); 0 turns samples off. */
  readonly sampleTokens: number;
}
