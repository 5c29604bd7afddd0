// `tinyseek chat`: a conversation in the terminal, or with lines from a pipe.

import { countParameters } from '../../config/counts.ts';
import { createGenerator } from '../../generate/batch-generator.ts';
import { Conversation } from '../../generate/conversation.ts';
import { createDecoder } from '../../generate/create-decoder.ts';
import { openPromptFormat } from '../../generate/prompt-format.ts';
import { Chat } from '../chat/chat.ts';
import { ChatTerminal } from '../chat/chat-terminal.ts';
import { openModel } from '../open-model.ts';
import { type GenerationFlags, parseDrafts, parseMaxNewTokens, parseSampling } from '../sampling-options.ts';
import { formatCount } from '../terminal/format.ts';

export interface ChatOptions extends GenerationFlags {
  readonly system?: string;
}

const transcriptNotice =
  'It has no chat template: a base model continues text. What you say becomes a transcript (User: / Assistant:) that it carries on.';

/** Talks until the input ends or `/quit`. */
export async function chat(checkpoint: string, options: ChatOptions): Promise<number> {
  const settings = { maxNewTokens: parseMaxNewTokens(options), sampling: parseSampling(options) };
  const drafts = parseDrafts(options.speculative);
  const { model, tokenizer, config, path } = await openModel(checkpoint, options);
  const { chat: format } = openPromptFormat(path, tokenizer);
  const decoder = createDecoder(model, { drafts: drafts > 0 });
  const generator = createGenerator(decoder, tokenizer, { drafts });
  const conversation = new Conversation(generator, format, decoder.capacity);
  if (options.system !== undefined) conversation.reset(options.system);
  const terminal = new ChatTerminal(() => session.stopAnswer());
  const session: Chat = new Chat(conversation, settings, terminal.output);
  const { note } = terminal.output;
  note(`${path}: ${formatCount(countParameters(config).total)} parameters, ${decoder.capacity} tokens of context`);
  if (format.kind === 'transcript') note(transcriptNotice);
  note('/help lists the commands. Ctrl-C stops an answer, Ctrl-D leaves.');
  await terminal.readLines(async (line) => {
    await session.take(line);
    return session.isOver;
  });
  await generator.dispose();
  return 0;
}
