// Chat templates: how a conversation becomes the text and the tokens that a model is trained on, and asked with.
//
// Each is written twice: as the Jinja source that goes into the model folder, where `chat`, `serve` and other programs
// read it, and as a function, since training renders many conversations. A test compares the two.

import { closest } from 'fastest-levenshtein';
import { addedTokens } from '../../data/tokenizers/added-tokens.ts';
import { type Turn, turnHeading } from '../../data/transcript.ts';
import type { Tokenizer } from '../../data/types.ts';
import { UserError } from '../../errors.ts';

/** A piece of a rendered conversation: text, or a special token by its name. */
export type Piece = { readonly text: string } | { readonly token: string };

/** The token that begins or ends a document, whatever its name is. */
type Boundary = 'bos' | 'eos';

/** A part of a template's output. */
type TemplatePart = Piece | { readonly boundary: Boundary };

/** How conversations are written. */
export interface ChatTemplate {
  readonly name: string;
  /** Jinja, as `tokenizer_config.json` has it. */
  readonly source: string;
  /** Special tokens, besides those of the beginning and the end of a document, that the tokenizer must have. */
  readonly tokens: readonly string[];
  /** What comes before the first turn. */
  start(): readonly TemplatePart[];
  /** A turn; an answer is what comes after `opening` of its role, its end included. */
  opening(turn: Turn, index: number): readonly TemplatePart[];
  closing(turn: Turn): readonly TemplatePart[];
}

const user = '<｜User｜>';
const assistant = '<｜Assistant｜>';

/**
 * Nothing but the contents, end to end, with the end token before the first and after each answer: for problems that
 * say by themselves where the answer begins, and for vocabularies that are too small for words.
 */
const plain: ChatTemplate = {
  name: 'plain',
  source:
    '{{ eos_token }}{% for message in messages %}{{ message.content }}' +
    "{% if message.role == 'assistant' %}{{ eos_token }}{% endif %}{% endfor %}",
  tokens: [],
  start: () => [{ boundary: 'eos' }],
  opening: () => [],
  closing: ({ role }) => (role === 'assistant' ? [{ boundary: 'eos' }] : []),
};

/** The form in which models without a template are asked here (`data/transcript.ts`): `User:`, a line, `Assistant:`. */
const transcript: ChatTemplate = {
  name: 'transcript',
  source:
    '{{ eos_token }}{% for message in messages %}' +
    "{{ message.role | capitalize }}{{ ':\\n' }}{{ message.content }}" +
    "{% if message.role == 'assistant' %}{{ eos_token }}{% endif %}" +
    "{% if not loop.last or add_generation_prompt %}{{ '\\n\\n' }}{% endif %}{% endfor %}" +
    "{% if add_generation_prompt %}{{ 'Assistant:\\n' }}{% endif %}",
  tokens: [],
  start: () => [{ boundary: 'eos' }],
  opening: ({ role }, index) => [{ text: `${index === 0 ? '' : '\n\n'}${turnHeading(role)}\n` }],
  closing: ({ role }) => (role === 'assistant' ? [{ boundary: 'eos' }] : []),
};

/** DeepSeek-V3's: the roles are special tokens, and a system prompt stands before all turns. */
const deepseek: ChatTemplate = {
  name: 'deepseek',
  source:
    '{{ bos_token }}{% for message in messages %}' +
    `{% if message.role == 'user' %}{{ '${user}' }}{% elif message.role == 'assistant' %}{{ '${assistant}' }}{% endif %}` +
    "{{ message.content }}{% if message.role == 'assistant' %}{{ eos_token }}{% endif %}{% endfor %}" +
    `{% if add_generation_prompt %}{{ '${assistant}' }}{% endif %}`,
  tokens: [user, assistant],
  start: () => [{ boundary: 'bos' }],
  opening: ({ role }) => (role === 'user' ? [{ token: user }] : role === 'assistant' ? [{ token: assistant }] : []),
  closing: ({ role }) => (role === 'assistant' ? [{ boundary: 'eos' }] : []),
};

const templates: readonly ChatTemplate[] = [plain, transcript, deepseek];

/** The names of the templates that come with TinySeek. */
export const chatTemplateNames: readonly string[] = templates.map(({ name }) => name);

/** @throws UserError for an unknown name, with the nearest one. */
export function chatTemplate(name: string): ChatTemplate {
  const found = templates.find((template) => template.name === name);
  if (found !== undefined) return found;
  throw new UserError(
    `sft: unknown template ${JSON.stringify(name)}; did you mean ${closest(name, [...chatTemplateNames])}? ` +
      `Known are ${chatTemplateNames.join(', ')}`,
  );
}

/** The template of a model, if it is one of these; null for a model without one, or with another. */
export function chatTemplateOf({ chatTemplate: source }: Tokenizer): ChatTemplate | null {
  return templates.find((template) => template.source === source) ?? null;
}

/** The ids of the tokens that a template needs, by name; a `UserError` names those that the tokenizer lacks. */
export function templateTokens(template: ChatTemplate, tokenizer: Tokenizer): ReadonlyMap<string, number> {
  const ids = new Map(addedTokens(tokenizer).map(({ content, id }) => [content, id]));
  const missing = template.tokens.filter((token) => !ids.has(token));
  if (missing.length === 0) return ids;
  throw new UserError(
    `sft: the template ${template.name} needs the tokens ${missing.join(' and ')}, which the tokenizer ` +
      `${tokenizer.name} lacks; use the template transcript, which needs none, or a tokenizer that has them`,
  );
}
