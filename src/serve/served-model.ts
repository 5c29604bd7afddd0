import type { Tokenizer } from '../data/types.ts';
import type { Generator } from '../generate/batch/generator.ts';
import type { PromptFormat } from '../generate/chat/prompt-format.ts';
import type { GenerationDefaults } from '../generate/generation-defaults.ts';

/** What is served: a model that generates, under a name. */
export interface ServedModel {
  /** The name that clients ask for. */
  readonly id: string;
  /** When it was loaded, in seconds since 1970. */
  readonly created: number;
  readonly tokenizer: Tokenizer;
  readonly prompts: PromptFormat;
  /** What a request that says nothing of sampling gets. */
  readonly defaults: GenerationDefaults;
  /** Tokens a prompt and its answer may have together. */
  readonly contextLength: number;
  /** Belongs to the caller, who disposes it after the server. */
  readonly generator: Generator;
  /** Prompts that the generator continues at the same time. */
  readonly slots: number;
}
