// What the files of a model folder and of a checkpoint are called: Hugging Face's names, and two of ours.

export const configFile = 'config.json';
export const generationFile = 'generation_config.json';
export const tokenizerFile = 'tokenizer.json';
export const tokenizerConfigFile = 'tokenizer_config.json';
/** A chat template in a file of its own, which goes before that of `tokenizer_config.json`. */
export const chatTemplateFile = 'chat_template.jinja';
export const modelFile = 'model.safetensors';
export const indexFile = `${modelFile}.index.json`;

/** Moments and averages of the weights. */
export const optimizerFile = 'optimizer.safetensors';
/** Where the trainer stands, and the checksums of the other files: see `trainer-file.ts`. */
export const trainerFile = 'trainer.json';

/** Whether a name is a plain file name, which cannot point out of its folder. */
export function isPlainFileName(name: string): boolean {
  return /^[^/\\\0]+$/.test(name) && name !== '.' && name !== '..';
}
