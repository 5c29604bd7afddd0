/** Programs that load `deepseek_v3` folders. */
export const loaderNames = ['transformers', 'vllm', 'sglang', 'torchtitan'] as const;

export type LoaderName = (typeof loaderNames)[number];
