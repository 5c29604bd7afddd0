"""Model folders that say in different files which tokens end an answer, what precedes a prompt and how to sample, and
what transformers makes of each."""

import json
import tempfile
from pathlib import Path

from common import BASE_CONFIG, write_json
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoConfig, AutoTokenizer, GenerationConfig

TEXT = "The heron stands in the reeds."
SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]  # ids 0, 1, 2
START = {"SpecialToken": {"id": "<|im_start|>", "type_id": 0}}
SEQUENCE = {"Sequence": {"id": "A", "type_id": 0}}


def foreign_tokens():
    """`ends` are the ids at which generation stops, `prompt` those of `text` as a prompt, `sampling` what is drawn with."""
    tokenizer = small_tokenizer()
    token = {"content": "<|tool|>", "lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": True}
    names = {"bos_token": "<|im_start|>", "eos_token": "<|im_end|>"}
    cases = [
        case("all three agree", tokenizer, generation={"eos_token_id": 2}, config={"eos_token_id": 2}, names=names),
        case("a list in generation_config.json", tokenizer, generation={"eos_token_id": [2, 0]}, config={"eos_token_id": 0}, names=names),
        case("a list in config.json alone", tokenizer, config={"eos_token_id": [0, 2]}, names=names),
        case("one in config.json alone", tokenizer, config={"eos_token_id": 2}, names={}),
        case("three that disagree", tokenizer, generation={"eos_token_id": 0}, config={"eos_token_id": 1}, names=names),
        case("a null in generation_config.json", tokenizer, generation={"eos_token_id": None}, config={}, names=names),
        case("a template before the text", with_processor(tokenizer, [START, SEQUENCE]), config={"eos_token_id": 2}, names=names),
        case("a template that adds nothing", with_processor(tokenizer, [SEQUENCE]), config={"eos_token_id": 2}, names={**names, "add_bos_token": True}),
        case("a template in a sequence", in_sequence(with_processor(tokenizer, [START, START, SEQUENCE])), config={"eos_token_id": 2}, names=names),
        case("no post-processor", tokenizer, config={"eos_token_id": 2}, names={**names, "add_bos_token": False}),
        case("a token that only tokenizer_config.json lists", tokenizer, config={}, names={"eos_token": "<|tool|>", "added_tokens_decoder": {str(len(tokenizer["model"]["vocab"])): token}}),
        case("an end token with settings", tokenizer, config={}, names={"eos_token": {**token, "content": "<|im_end|>", "__type": "AddedToken"}}),
    ]
    sampling = [
        {"do_sample": True, "temperature": 0.6, "top_p": 0.95},
        {"do_sample": True, "temperature": 0.7, "top_k": 20, "top_p": 0.8, "repetition_penalty": 1.05, "max_new_tokens": 16},
        {"do_sample": True, "top_k": 0, "min_p": 0.1},
        {"do_sample": True},
        {"do_sample": False},
        {"do_sample": False, "repetition_penalty": 1.2},
        {"repetition_penalty": 1.2},
        {"max_new_tokens": 7},
    ]
    write_json("foreign-tokens.json", {"text": TEXT, "tokenizer": tokenizer, "cases": cases, "sampling": [drawn_with(file) for file in sampling]})


def small_tokenizer():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=265, special_tokens=SPECIALS, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator([TEXT], trainer)
    return json.loads(tokenizer.to_str())


def with_processor(tokenizer, single):
    used = {"<|im_start|>": {"id": "<|im_start|>", "ids": [1], "tokens": ["<|im_start|>"]}} if START in single else {}
    pair = [SEQUENCE, {"Sequence": {"id": "B", "type_id": 1}}]
    return {**tokenizer, "post_processor": {"type": "TemplateProcessing", "single": single, "pair": pair, "special_tokens": used}}


def in_sequence(tokenizer):
    byte_level = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": False, "use_regex": True}
    return {**tokenizer, "post_processor": {"type": "Sequence", "processors": [byte_level, tokenizer["post_processor"]]}}


def case(name, tokenizer, config, names, generation=None):
    """transformers looks for the end in generation_config.json, or in config.json where there is none; the rest of ours,
    where neither has one, is what its tokenizer calls the end."""
    base = {key: value for key, value in BASE_CONFIG.items() if key not in ("bos_token_id", "eos_token_id")}
    files = {
        "config.json": {**base, "vocab_size": 300, **config},
        "tokenizer_config.json": {"tokenizer_class": "PreTrainedTokenizerFast", **names},
        **({} if generation is None else {"generation_config.json": generation}),
    }
    with tempfile.TemporaryDirectory() as folder:
        for file, content in {**files, "tokenizer.json": tokenizer}.items():
            (Path(folder) / file).write_text(json.dumps(content))
        loaded = AutoTokenizer.from_pretrained(folder)
        stated = [] if generation is None else [GenerationConfig.from_pretrained(folder).eos_token_id]
        stated += [AutoConfig.from_pretrained(folder).eos_token_id] if "eos_token_id" in config else []
        end = next((ids for ids in [*stated, loaded.eos_token_id] if ids is not None), None)
        prompt = loaded(TEXT).input_ids
    processor = {"post_processor": tokenizer["post_processor"]}
    return {"name": name, "files": files, **processor, "ends": end if isinstance(end, list) else [end], "prompt": prompt}


def drawn_with(file):
    config = GenerationConfig(**file)
    config.update(**config._get_default_generation_params(), defaults_only=True)
    keys = ("do_sample", "temperature", "top_k", "top_p", "min_p", "repetition_penalty", "max_new_tokens")
    return {"file": file, "drawn": {key: getattr(config, key) for key in keys}}
