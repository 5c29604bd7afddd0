"""The peer to beat in decoding: `generate` of transformers' DeepseekV3ForCausalLM, with its cache, greedy, batch 1.

    .venv/bin/python bench/pytorch_generate.py --size a --threads 2      # one line of JSON

Prompt, length and numbers of generations are those of bench/generate-protocol.ts.
"""

import json
import statistics
import time

import torch

from pytorch_common import SIZES, parse_options
from pytorch_model import create_model

PROMPT, NEW_TOKENS = 8, 256
GENERATIONS = 3


def main():
    options = parse_options("Greedy generation of transformers' DeepSeek-V3")
    size = SIZES[options.size]
    model = create_model(size).eval()
    ids = torch.arange(PROMPT).unsqueeze(0)

    def generate(length):
        # The same number of tokens whatever the random weights say.
        lengths = dict(min_new_tokens=length, max_new_tokens=length)
        start = time.perf_counter()
        with torch.inference_mode():
            out = model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, pad_token_id=0, **lengths)
        assert out.shape[1] == PROMPT + length
        return time.perf_counter() - start

    generate(NEW_TOKENS // 4)  # to warm up
    seconds = statistics.median(generate(NEW_TOKENS) for _ in range(GENERATIONS))
    print(json.dumps({
        "name": "transformers",
        "version": torch.__version__,
        "threads": options.threads,
        "tokensPerSecond": NEW_TOKENS / seconds,
    }))


main()
