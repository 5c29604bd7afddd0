// What the files of a model folder and of a checkpoint are called: Hugging Face's names, and two of ours.

export const CONFIG_FILE = 'config.json';
export const GENERATION_FILE = 'generation_config.json';
export const TOKENIZER_FILE = 'tokenizer.json';
export const TOKENIZER_CONFIG_FILE = 'tokenizer_config.json';
export const MODEL_FILE = 'model.safetensors';
export const INDEX_FILE = `${MODEL_FILE}.index.json`;

/** Moments and averages of the weights. */
export const OPTIMIZER_FILE = 'optimizer.safetensors';
/** Where the trainer stands, and the checksums of the other files: see `trainer-file.ts`. */
export const TRAINER_FILE = 'trainer.json';

/** Whether a name is a plain file name, which cannot point out of its folder. */
export function isPlainFileName(name: string): boolean {
  return /^[^/\\\0]+$/.test(name) && name !== '.' && name !== '..';
}
