"""What transformers makes of a model folder: `python score.py FOLDER IDS` prints the log probability of each id."""

import json
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

folder, ids = sys.argv[1], json.loads(sys.argv[2])
model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, experts_implementation="eager").eval()
with torch.no_grad():
    logprobs = torch.log_softmax(model(torch.tensor([ids])).logits[0].double(), -1)
own = [logprobs[i, ids[i + 1]].item() for i in range(len(ids) - 1)]
text = AutoTokenizer.from_pretrained(folder).decode(ids)
print(json.dumps({"logprobs": own, "text": text}))
