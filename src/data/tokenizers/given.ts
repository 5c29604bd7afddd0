/** What a run records after the name of a tokenizer that a program gave it, which no specification makes again. */
export const givenMark = ' (given)';
