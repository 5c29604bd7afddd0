// A torchtitan module for one model: a flavour of its `deepseek_v3` with the sizes of this model, and training settings
// that start from the exported weights. Made for torchtitan of August 2026 (commit b5bcd76, main branch).
//
// What the stock flavours of torchtitan fix and this one sets: epsilon of the norms (1e-5 there), group-limited
// routing, YaRN or none, the speed of the balancing bias.

import type { ModelConfig } from '../config/model-config.ts';
import { trainPreset } from '../config/presets.ts';
import type { TrainConfig } from '../config/train-config.ts';

/** Name of the file; `--module` of torchtitan without its ending. */
export const torchtitanFile = 'tinyseek_torchtitan.py';

/**
 * The numbers of the file that come from training here, for a model that was not trained here those of preset `tiny`.
 */
export type TorchtitanTraining = Pick<
  TrainConfig,
  | 'learningRate'
  | 'adamBeta1'
  | 'adamBeta2'
  | 'weightDecay'
  | 'maxGradNorm'
  | 'seqLen'
  | 'batchSize'
  | 'balancing'
  | 'expertBiasUpdateSpeed'
  | 'mtpLossWeightFinal'
>;

/** The module's text. */
export function torchtitanModule(config: ModelConfig, train: TorchtitanTraining = trainPreset('tiny')): string {
  return `${header}
${constants(config, train)}
${flavour(config)}
${training(train)}`;
}

const header = `"""A TinySeek model as a flavour of torchtitan's deepseek_v3, to go on training on a cluster.

Written for torchtitan main of August 2026 (commit b5bcd76). From a checkout of torchtitan:

    export PYTHONPATH=/path/to/this/folder
    MODULE=${torchtitanFile.replace('.py', '')} CONFIG=tinyseek NGPU=8 ./run_train.sh --training.steps 1000

Put your text into data/*.jsonl of the folder you start from, one {"text": ...} a line, or change DATA. Weights, tokenizer and
sizes are those of this folder. To get a Hugging Face folder back:
--checkpoint.last_save_in_hf --checkpoint.last_save_model_only
"""

from pathlib import Path

from torchtitan.components.checkpointer import CheckpointManager
from torchtitan.components.data import ConcatThenSplitPackingConfig, GrainDataLoader
from torchtitan.components.data.dataset import SingleDatasetConfig
from torchtitan.components.data.sources import IndexedJsonlSource
from torchtitan.components.loss import ChunkedLossWrapper, CrossEntropyLoss
from torchtitan.components.optimizer import (
    LRSchedulersContainer,
    default_adamw,
    register_moe_load_balancing_hook,
)
from torchtitan.config import TrainingConfig
from torchtitan.distributed.pipeline_parallel import pipeline_llm
from torchtitan.hf_datasets.text_datasets import TextProcessor
from torchtitan.models.common import ComplexRoPE, Embedding, Linear, RMSNorm
from torchtitan.models.common.moe import MoE
from torchtitan.models.deepseek_v3 import (
    _EMBEDDING_INIT,
    _NORM_INIT,
    _build_dsv3_layers,
    _build_mtp_layers,
    _output_linear_init,
)
from torchtitan.models.deepseek_v3.model import Attention, DeepSeekV3Model
from torchtitan.models.deepseek_v3.mtp import MTPLoss
from torchtitan.models.deepseek_v3.parallelize import parallelize_deepseekv3
from torchtitan.models.deepseek_v3.state_dict_adapter import DeepSeekV3StateDictAdapter
from torchtitan.protocols.model_spec import ModelSpec
from torchtitan.trainer import Trainer

FOLDER = str(Path(__file__).resolve().parent)
DATA = ("data/*.jsonl",)
`;

function constants(config: ModelConfig, { balancing, expertBiasUpdateSpeed }: TorchtitanTraining): string {
  // Without the mechanism the biases are zero, and torchtitan then has none.
  const speed = balancing === 'bias' && expertBiasUpdateSpeed > 0 ? String(expertBiasUpdateSpeed) : 'None';
  return `VOCAB_SIZE = ${config.vocabSize}
DIM = ${config.hiddenSize}
NUM_MTP_LAYERS = ${config.numNextnPredictLayers}
NORM_EPS = ${config.rmsNormEps}
LATENT_NORM_EPS = 1e-6  # whatever NORM_EPS is, as in transformers
EXPERT_BIAS_SPEED = ${speed}
`;
}

function flavour(config: ModelConfig): string {
  const groups =
    config.nGroup > 1
      ? `router_num_expert_groups=${config.nGroup},
        router_num_limited_groups=${config.topkGroup},`
      : 'router_num_expert_groups=None,';
  return `
def _rope() -> ComplexRoPE.Config:
    return ComplexRoPE.Config(
        dim=${config.qkRopeHeadDim},
        max_context_length=${config.maxPositionEmbeddings},
        theta=${config.ropeTheta},
        ${ropeScaling(config)}
    )


def model_config(attn_backend: str = "flex") -> DeepSeekV3Model.Config:
    layers = _build_dsv3_layers(
        n_layers=${config.numHiddenLayers},
        n_dense_layers=${config.firstKDenseReplace},
        dim=DIM,
        n_heads=${config.numAttentionHeads},
        q_lora_rank=${config.qLoraRank ?? 0},
        kv_lora_rank=${config.kvLoraRank},
        qk_nope_head_dim=${config.qkNopeHeadDim},
        qk_rope_head_dim=${config.qkRopeHeadDim},
        v_head_dim=${config.vHeadDim},
        mscale=${config.ropeScaling?.type === 'yarn' ? config.ropeScaling.mscaleAllDim : 1},
        dense_hidden_dim=${config.intermediateSize},
        moe_hidden_dim=${config.moeIntermediateSize},
        num_experts=${config.nRoutedExperts},
        num_shared_experts=${config.nSharedExperts},
        router_top_k=${config.numExpertsPerTok},
        router_score_func="${config.scoringFunc}",
        ${groups}
        router_route_scale=${config.routedScalingFactor},
        router_route_norm=${config.normTopkProb ? 'True' : 'False'},
        attn_backend=attn_backend,
        moe_comm_backend="standard",
        non_blocking_capacity_factor=None,
        rope=_rope(),
    )
    model = DeepSeekV3Model.Config(
        vocab_size=VOCAB_SIZE,
        dim=DIM,
        tok_embeddings=Embedding.Config(
            num_embeddings=VOCAB_SIZE, embedding_dim=DIM, param_init=_EMBEDDING_INIT
        ),
        norm=RMSNorm.Config(normalized_shape=DIM, param_init=_NORM_INIT),
        lm_head=Linear.Config(
            in_features=DIM, out_features=VOCAB_SIZE, param_init=_output_linear_init(DIM)
        ),
        layers=layers,
        mtp_layers=_build_mtp_layers(layers[-1], dim=DIM, num_mtp_layers=NUM_MTP_LAYERS),
    )
    for _, norm, _, _ in model.traverse(RMSNorm.Config):
        norm.eps = NORM_EPS
    for _, attention, _, _ in model.traverse(Attention.Config):
        attention.q_norm.eps = attention.kv_norm.eps = LATENT_NORM_EPS
    for _, moe, _, _ in model.traverse(MoE.Config):
        moe.load_balance_coeff = EXPERT_BIAS_SPEED
    return model


def model_registry(flavor: str = "tinyseek", attn_backend: str = "flex") -> ModelSpec:
    return ModelSpec(
        name="deepseek_v3",
        flavor=flavor,
        model=model_config(attn_backend),
        parallelize_fn=parallelize_deepseekv3,
        pipelining_fn=pipeline_llm,
        post_optimizer_build_fn=register_moe_load_balancing_hook,
        state_dict_adapter=DeepSeekV3StateDictAdapter,
    )
`;
}

function ropeScaling({ ropeScaling: yarn }: ModelConfig): string {
  if (yarn?.type !== 'yarn') return 'scaling="none",';
  return `scaling="yarn",
        rope_factor=${yarn.factor},
        beta_fast=${yarn.betaFast},
        beta_slow=${yarn.betaSlow},
        original_seq_len=${yarn.originalMaxPositionEmbeddings},`;
}

function training(train: TorchtitanTraining): string {
  return `
def tinyseek() -> Trainer.Config:
    loss = ChunkedLossWrapper.Config(
        loss_fn=CrossEntropyLoss.Config(global_vocab_size=VOCAB_SIZE)
    )
    if NUM_MTP_LAYERS > 0:
        loss = MTPLoss.Config(global_vocab_size=VOCAB_SIZE, mtp_scale=${train.mtpLossWeightFinal})
    text = SingleDatasetConfig(
        source=IndexedJsonlSource.Config(patterns=DATA),
        processor=TextProcessor.Config(),
        post_filters=(lambda sample: sample is not None,),
    )
    return Trainer.Config(
        model_spec=model_registry(),
        hf_assets_path=FOLDER,
        loss=loss,
        dataloader=GrainDataLoader.Config(dataset=ConcatThenSplitPackingConfig(dataset=text)),
        optimizer=default_adamw(
            lr=${train.learningRate},
            betas=(${train.adamBeta1}, ${train.adamBeta2}),
            weight_decay=${train.weightDecay},
        ),
        lr_scheduler=LRSchedulersContainer.Config(
            warmup_steps=50, decay_type="cosine", min_lr_factor=0.1
        ),
        training=TrainingConfig(
            num_tokens_per_microbatch_per_dp_rank=${train.batchSize} * ${train.seqLen},
            max_context_length=${train.seqLen},
            max_norm=${train.maxGradNorm > 0 ? train.maxGradNorm : 1e9},
            steps=1000,
            disable_cuda_graphs=True,
        ),
        checkpoint=CheckpointManager.Config(
            enable=True,
            interval=500,
            initial_load_path=FOLDER,
            initial_load_in_hf=True,
        ),
    )
`;
}
