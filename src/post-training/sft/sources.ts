// Conversations as sources of samples: encoded, and some of them held out.

import { permutation } from '../../data/random.ts';
import { conversationText, type Turn } from '../../data/transcript.ts';
import { UserError } from '../../errors.ts';
import type { Task } from '../../evaluate/task.ts';
import type { EncodedConversation, TemplateEncoder } from './encode-conversation.ts';
import type { SampleSource } from './sample-dataset.ts';
import { parseSolutions, taskSamples } from './task-samples.ts';

/** Conversations to learn from. */
export interface ConversationSet {
  /** What the metrics call it. */
  readonly name: string;
  /** How often an epoch has each of them: 2 is twice, 0.5 another half of them each time. Default 1. */
  readonly weight?: number;
  readonly conversations: readonly {
    readonly turns: readonly Turn[];
    /** Where it stands, to begin messages about it: `chats.jsonl: line 3`. */
    readonly where?: string;
  }[];
}

/** Samples before they are encoded. */
export interface RawSource {
  readonly name: string;
  readonly weight: number;
  readonly train: ConversationSet['conversations'];
  readonly heldOut: ConversationSet['conversations'];
}

/** A set of conversations, a share of which, and at least one, is held out. */
export function sourceOfSet(set: ConversationSet, heldOutFraction: number, seed: number): RawSource {
  const { name, weight = 1, conversations } = set;
  const order = permutation(conversations.length, seed, name, 'held out');
  const count = Math.min(Math.max(1, Math.round(heldOutFraction * conversations.length)), conversations.length - 1);
  const heldOut = new Set(order.subarray(0, Math.max(count, 0)));
  return {
    name,
    weight,
    train: conversations.filter((_, i) => !heldOut.has(i)),
    heldOut: conversations.filter((_, i) => heldOut.has(i)),
  };
}

/** How samples are made from a task. */
export interface TaskRecipe {
  /** See `parseSolutions`. */
  readonly solutions: string;
  readonly system: string;
  readonly samples: number;
}

/** The samples of a task; those that are held out ask other problems. */
export function sourceOfTask(task: Task, { solutions, system, samples }: TaskRecipe, seed: number): RawSource {
  const options = { task, solutions: parseSolutions(solutions, system), count: samples, seed };
  const { train, heldOut } = taskSamples(options);
  return {
    name: task.name,
    weight: 1,
    train: train.map((turns) => ({ turns })),
    heldOut: heldOut.map((turns) => ({ turns })),
  };
}

/** The texts of a source, for a tokenizer that is made from them: transcripts, or nothing but the contents. */
export function* textsOfSource({ train, heldOut }: RawSource, asTranscript: boolean): Generator<string> {
  for (const { turns } of [...train, ...heldOut]) {
    yield asTranscript ? conversationText(turns) : turns.map(({ content }) => content).join('');
  }
}

/** @throws UserError that says which conversation cannot be learned from, and why. */
export function encodeSource(
  { name, weight, train, heldOut }: RawSource,
  encoder: TemplateEncoder,
  verdictWeight: number,
): SampleSource {
  const encode = (list: RawSource['train']): EncodedConversation[] =>
    list.map(({ turns, where }, i) => {
      try {
        return encoder.conversation(turns, verdictWeight);
      } catch (cause) {
        if (!(cause instanceof UserError)) throw cause;
        throw new UserError(`${where ?? `sft: ${name}: conversation ${i + 1}`}: ${cause.message}`, { cause });
      }
    });
  return { name, weight, train: encode(train), heldOut: encode(heldOut) };
}
