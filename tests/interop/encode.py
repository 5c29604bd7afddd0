"""The token ids that transformers gives to texts: encode.py TOKENIZER_JSON TEXT... -> {ids, refused} as JSON."""

import json
import sys

from transformers import PreTrainedTokenizerFast

path, *texts = sys.argv[1:]
tokenizer = PreTrainedTokenizerFast(tokenizer_file=path)
ids, refused = [], []
for text in texts:
    try:
        ids.append(tokenizer.encode(text, add_special_tokens=False))
    except Exception as error:  # the Rust library raises nothing more exact
        if "not found in the vocabulary" not in str(error):
            raise
        refused.append(text)
print(json.dumps({"ids": ids, "refused": refused}))
