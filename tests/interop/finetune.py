"""Fine-tunes an exported model on a text file with transformers: the program of docs/outgrow.md.

    python finetune.py MODEL TEXT OUT [STEPS]

Prints the loss of the first and the last step. The router's bias stays as it is: transformers has no balancing.
"""

import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

model_folder, text_file, out, steps = sys.argv[1], sys.argv[2], sys.argv[3], int((*sys.argv[4:], 20)[0])
torch.manual_seed(0)
tokenizer = AutoTokenizer.from_pretrained(model_folder)
# "eager" runs at every size; leave it out where hidden_size and moe_intermediate_size are multiples of 8.
model = AutoModelForCausalLM.from_pretrained(model_folder, dtype=torch.float32, experts_implementation="eager")
with open(text_file, encoding="utf-8") as file:
    ids = torch.tensor(tokenizer(file.read()).input_ids)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.1)
model.train()
for step in range(1, steps + 1):
    starts = torch.randint(len(ids) - 64, (8,)).tolist()
    batch = torch.stack([ids[start : start + 64] for start in starts])
    loss = model(batch, labels=batch).loss
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad()
    if step in (1, steps):
        print(f"step {step}, loss {loss.item():.4f}")
model.save_pretrained(out)
tokenizer.save_pretrained(out)
