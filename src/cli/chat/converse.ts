// A conversation with a model in the terminal, or with lines from a pipe.

import { countParameters } from '../../config/counts.ts';
import type { WeightFormat } from '../../engine/weight-formats.ts';
import { createGenerator } from '../../generate/batch/batch-generator.ts';
import { Conversation } from '../../generate/chat/conversation.ts';
import { openPromptFormat } from '../../generate/chat/prompt-format.ts';
import { createDecoder } from '../../generate/decoder/create-decoder.ts';
import type { OpenedModel } from '../open-model.ts';
import { defaultsLines } from '../sampling-options.ts';
import { formatCount } from '../terminal/format.ts';
import { Chat } from './chat.ts';
import type { ChatSettings } from './chat-settings.ts';
import { ChatTerminal } from './chat-terminal.ts';

/** How a conversation begins. */
interface Beginning {
  readonly settings: ChatSettings;
  /** Drafts of the MTP module for each pass. */
  readonly drafts: number;
  readonly weights: WeightFormat;
  /** A text before the conversation. */
  readonly system: string | undefined;
}

const transcriptNotice =
  'It has no chat template: a base model continues text. What you say becomes a transcript (User: / Assistant:) that it carries on.';

/** Talks until the input ends or `/quit`. */
export async function converse(opened: OpenedModel, { settings, drafts, weights, system }: Beginning): Promise<void> {
  const { model, tokenizer, config, path } = opened;
  const { chat: format } = await openPromptFormat(path, tokenizer);
  const decoder = createDecoder(model, { drafts: drafts > 0, weights });
  const generator = createGenerator(decoder, tokenizer, { drafts });
  const conversation = new Conversation(generator, format, decoder.capacity);
  if (system !== undefined) conversation.reset(system);
  const terminal = new ChatTerminal(() => session.stopAnswer());
  const session: Chat = new Chat(conversation, settings, terminal.output);
  const { note } = terminal.output;
  note(`${path}: ${formatCount(countParameters(config).total)} parameters, ${decoder.capacity} tokens of context`);
  for (const line of defaultsLines(opened.defaults)) note(line);
  if (format.kind === 'transcript') note(transcriptNotice);
  note('/help lists the commands. Ctrl-C stops an answer, Ctrl-D leaves.');
  await terminal.readLines(async (line) => {
    await session.take(line);
    return session.isOver;
  });
  await generator.dispose();
}
