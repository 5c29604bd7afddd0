// The choices of a call, generated side by side.

import type { Generator, ScoredToken } from '../generate/batch/generator.ts';
import type { AnswerPart, PlacedToken } from './answer-format.ts';
import { ApiError } from './api-error.ts';
import type { Call, Choice } from './call.ts';
import type { ServedModel } from './served-model.ts';
import type { TokenNames } from './token-names.ts';

/** Receives the parts of all choices, those of one choice in order; no choice waits for another. */
export type PartHandler = (choice: Choice, part: AnswerPart) => Promise<void> | void;

/**
 * Generates all choices and returns how many tokens they have together. Nothing runs any more when it ends, however it
 * ends.
 *
 * @param controller aborting it ends the generation; what goes wrong with one choice aborts the others.
 * @throws the reason of the abort.
 */
export async function runChoices(
  call: Call,
  choices: readonly Choice[],
  { generator }: ServedModel,
  names: TokenNames,
  controller: AbortController,
  onPart: PartHandler,
): Promise<number> {
  const run = async (choice: Choice): Promise<number> => {
    try {
      return await runChoice(call, choice, generator, names, controller.signal, onPart);
    } catch (error) {
      controller.abort(error);
      return 0;
    }
  };
  const counts = await Promise.all(choices.map(run));
  controller.signal.throwIfAborted();
  return counts.reduce((sum, count) => sum + count, 0);
}

async function runChoice(
  { stop, topLogprobs, scoresPrompt = false, echo = false }: Call,
  choice: Choice,
  generator: Generator,
  names: TokenNames,
  signal: AbortSignal,
  onPart: PartHandler,
): Promise<number> {
  const { promptIds, maxNewTokens, sampling } = choice;
  const place = topLogprobs === null ? withoutPlace : placeTokens(names);
  let count = 0;
  for await (const event of generator.submit({
    ...{ promptIds, maxNewTokens, sampling, stop, topLogprobs, scoresPrompt, signal },
  })) {
    signal.throwIfAborted();
    if (event.type === 'end') {
      await onPart(choice, { text: event.text, tokens: [], finishReason: checkReason(event.finishReason) });
      return count;
    }
    if (event.type === 'prompt') {
      if (echo) await onPart(choice, { text: '', tokens: event.tokens.map(place), finishReason: null });
      continue;
    }
    count++;
    await onPart(choice, { text: event.text, tokens: [place(event)], finishReason: null });
  }
  throw new Error('internal: a generation ended without saying why');
}

function checkReason(reason: 'stop' | 'length' | 'aborted'): 'stop' | 'length' {
  if (reason !== 'aborted') return reason;
  throw new ApiError(503, 'The server stops.');
}

const withoutPlace = (token: ScoredToken): PlacedToken => ({ ...token, offset: 0 });

/** Counts characters by the bytes of the tokens: their texts come later, when they are certain. */
function placeTokens(names: TokenNames): (token: ScoredToken) => PlacedToken {
  const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });
  let characters = 0;
  return (token) => {
    const offset = characters;
    characters += Array.from(utf8.decode(names.bytes(token.id), { stream: true })).length;
    return { ...token, offset };
  };
}
