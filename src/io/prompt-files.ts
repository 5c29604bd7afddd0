// What a model folder says about prompts: its chat template, and whether a text begins with a token of its own.

import { join } from 'node:path';
import * as z from 'zod';
import { isForeign } from '../config/huggingface-foreign.ts';
import { UserError } from '../errors.ts';
import { chatTemplateFile, configFile, tokenizerConfigFile } from './file-names.ts';
import { hasFile, readText } from './inside-folder.ts';
import { readJsonFile } from './json-file.ts';

/** How a `tokenizer_config.json` writes a special token: its text, or an object around it. */
const tokenSchema = z
  .union([z.string(), z.object({ content: z.string() }).transform(({ content }) => content)])
  .nullish();

const configSchema = z.looseObject({
  add_bos_token: z.boolean().nullish(),
  bos_token: tokenSchema,
  eos_token: tokenSchema,
  chat_template: z.union([z.string(), z.array(z.object({ name: z.string(), template: z.string() }))]).nullish(),
});

/** What `tokenizer_config.json` and `chat_template.jinja` of a folder say. */
export interface PromptFiles {
  /** Source of the Jinja template for conversations; null if the folder has none. */
  readonly chatTemplate: string | null;
  /** Texts that the template may use; empty if the folder does not name them. */
  readonly bosToken: string;
  readonly eosToken: string;
  /** Whether prompts begin with the beginning-of-sentence token. */
  readonly addBosToken: boolean;
  /** Whether the model was trained by another program. */
  readonly isForeign: boolean;
}

/**
 * Reads them; a folder may have neither. As in transformers, `chat_template.jinja` goes before the template in the
 * config, and of several named templates the one called `default` counts.
 *
 * @throws UserError when a file cannot be read or is not what its name says.
 */
export function readPromptFiles(folder: string): PromptFiles {
  const config = readConfig(folder);
  const { chat_template: listed } = config;
  const inConfig =
    typeof listed === 'string' ? listed : (listed ?? []).find(({ name }) => name === 'default')?.template;
  return {
    chatTemplate: hasFile(folder, chatTemplateFile)
      ? readText(folder, chatTemplateFile, 'checkpoint')
      : (inConfig ?? null),
    bosToken: config.bos_token ?? '',
    eosToken: config.eos_token ?? '',
    addBosToken: config.add_bos_token ?? false,
    isForeign: isForeignFolder(folder),
  };
}

function isForeignFolder(folder: string): boolean {
  return hasFile(folder, configFile) && isForeign(readJsonFile(folder, configFile, 'checkpoint'));
}

function readConfig(folder: string): z.infer<typeof configSchema> {
  if (!hasFile(folder, tokenizerConfigFile)) return {};
  const parsed = configSchema.safeParse(readJsonFile(folder, tokenizerConfigFile, 'checkpoint'));
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new UserError(
    `checkpoint: ${join(folder, tokenizerConfigFile)}: ${issue?.path.join('.')}: ${issue?.message}; copy the file again`,
  );
}
