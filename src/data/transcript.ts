// A conversation as plain text: the form in which models without a chat template are trained on conversations, and
// asked to carry one on.

/** One turn of a conversation. `role` is `system`, `user`, `assistant`, or what else a file calls it. */
export interface Turn {
  readonly role: string;
  readonly content: string;
}

/** The line that a turn begins with: `User:`. */
export function turnHeading(role: string): string {
  return `${role.charAt(0).toUpperCase()}${role.slice(1)}:`;
}

/**
 * A whole conversation as a document: each turn under a line with its role, a blank line between turns. The end token
 * follows the last answer at once, so a model learns to stop there.
 *
 * Example: `User:\nWhere do herons sleep?\n\nAssistant:\nIn trees.`
 */
export function conversationText(turns: readonly Turn[]): string {
  return turns.map(({ role, content }) => `${turnHeading(role)}\n${content}`).join('\n\n');
}
