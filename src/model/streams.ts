// Names of the random streams: what a number is drawn for. Two uses never share a stream.

/** Initial values; parameter i draws from INIT_STREAM + i. */
export const INIT_STREAM = 0x1000;
/** Dropout masks; place i draws from DROPOUT_STREAM + i, step = optimiser step. */
export const DROPOUT_STREAM = 0x2000;
/** Order of the users in an epoch; step = epoch. */
export const SHUFFLE_STREAM = 0x3000;
/** Sampled prefixes; step = epoch. */
export const PREFIX_STREAM = 0x4000;
/** Masks of self-attention's probabilities; place i draws from ATTENTION_DROPOUT_STREAM + i, step = optimiser step. */
export const ATTENTION_DROPOUT_STREAM = 0x5000;
/** Negatives of a sampled loss; step = optimiser step. */
export const NEGATIVES_STREAM = 0x6000;
