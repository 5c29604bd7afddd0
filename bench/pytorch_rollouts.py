"""The peer to beat in rollouts: `generate` of transformers with its cache, sampling a batch, with log probabilities.

    .venv/bin/python bench/pytorch_rollouts.py --model FOLDER --threads 2      # one line of JSON

The batch is that of bench/rollouts-own.ts.
"""

import argparse
import json
import statistics
import time

import torch
from transformers import AutoModelForCausalLM
from transformers.utils import logging

PROMPTS, PROMPT, GROUP, NEW_TOKENS = 16, 10, 8, 32
WARM_UPS, CALLS = 1, 3


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    logging.set_verbosity_error()
    model = AutoModelForCausalLM.from_pretrained(options.model, attn_implementation="sdpa", dtype=torch.float32).eval()
    ids = torch.tensor([[(7 * p + i) % 200 for i in range(PROMPT)] for p in range(PROMPTS)])

    def call():
        start, cpu = time.perf_counter(), time.process_time()
        with torch.inference_mode():
            # The folder's end token is switched off, so that every answer has the same length.
            out = model.generate(
                ids, attention_mask=torch.ones_like(ids), do_sample=True, temperature=1.0, top_k=0, top_p=1.0,
                num_return_sequences=GROUP, max_new_tokens=NEW_TOKENS, min_new_tokens=NEW_TOKENS, pad_token_id=0,
                return_dict_in_generate=True, output_logits=True,
            )
            logits = torch.stack(out.logits, 1)  # [answers, new tokens, vocabulary]
            new = out.sequences[:, PROMPT:]
            logits.log_softmax(-1).gather(-1, new[..., None])
        assert new.shape == (PROMPTS * GROUP, NEW_TOKENS)
        return time.perf_counter() - start, time.process_time() - cpu

    for _ in range(WARM_UPS):
        call()
    times = [call() for _ in range(CALLS)]
    per_second, per_cpu_second = (PROMPTS * GROUP * NEW_TOKENS / statistics.median(column) for column in zip(*times))
    print(json.dumps({
        "tokensPerSecond": per_second,
        "tokensPerCpuSecond": per_cpu_second,
        "version": torch.__version__,
    }))


main()
